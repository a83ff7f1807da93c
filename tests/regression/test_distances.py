"""Distances against astropy, and slopes of all mean functions against differences."""

import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro.regression.mean_values import MeanValues

relations = ba.relations
Z = np.array([1e-4, 0.01, 0.1, 0.5, 1.0, 2.3, 6.0, 20.0, 1100.0])
FIVE = 5 / np.log(10)


def astropy_modulus(z, m, dark, w=-1.0, seen=None, temperature=0.0):
    """Distance modulus at c / H0 = 1 Mpc, less 25, and the density of radiation."""
    from astropy.cosmology import wCDM

    universe = wCDM(70, m, dark, w0=w, Tcmb0=temperature, Neff=0)
    across = universe.comoving_transverse_distance(z) / universe.hubble_distance
    dimmed = z if seen is None else seen
    return 5 * np.log10((1 + dimmed) * across.value), float(universe.Ogamma0)


@pytest.mark.parametrize("m", [0.05, 0.3, 0.98])
def test_flat_universes_are_those_of_astropy(m):
    at, lcdm, wcdm = {"z": Z}, relations.DistanceModulus(), relations.DistanceModulus("flat-wcdm")
    found = lcdm.evaluate(at, {"omega_m": m, "offset": 0.0})
    np.testing.assert_allclose(found, astropy_modulus(Z, m, 1 - m)[0], atol=1e-8)
    for w in (-2.2, -0.8, -0.3):
        found = wcdm.evaluate(at, {"omega_m": m, "w0": w, "offset": 1.5}) - 1.5
        np.testing.assert_allclose(found, astropy_modulus(Z, m, 1 - m, w)[0], atol=1e-8)


@pytest.mark.parametrize(("m", "dark"), [(0.3, 0.2), (0.3, 0.7001), (0.3, 1.1), (0.9, 1.2)])
def test_curved_universes_are_those_of_astropy(m, dark):
    z = Z[:-2]  # a closed one ends
    mean = relations.DistanceModulus("lcdm")
    found = mean.evaluate({"z": z}, {"omega_m": m, "omega_lambda": dark, "offset": 0.0})
    np.testing.assert_allclose(found, astropy_modulus(z, m, dark)[0], atol=1e-8)


def test_radiation_and_the_redshift_that_is_seen():
    z, seen = Z[:-2], Z[:-2] * 1.01
    for kind, dark in (("flat-lcdm", None), ("lcdm", 0.5)):
        r = astropy_modulus(z, 0.3, 0.5, temperature=2.7)[1]
        total = 0.7 - r if dark is None else dark
        expected = astropy_modulus(z, 0.3, total, seen=seen, temperature=2.7)[0]
        mean = relations.DistanceModulus(kind, column="z", heliocentric="seen", omega_r=r)
        values = {"omega_m": 0.3, "omega_lambda": 0.5, "offset": 0.0}
        found = mean.evaluate({"seen": seen, "z": z}, values)
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_a_universe_that_bounced_has_no_distance():
    mean = relations.DistanceModulus("lcdm")
    found = mean.evaluate(
        {"z": np.array([0.1, 5.0])}, {"omega_m": 0.1, "omega_lambda": 1.6, "offset": 0}
    )
    assert np.isfinite(found[0]) and np.isnan(found[1])


class Wave:
    """A user's own, without slopes."""

    def priors(self, data):
        return {
            "size": ba.Prior("Normal", mu=1, sigma=1),
            "rate": ba.Prior("Uniform", lower=0.5, upper=2),
        }

    def evaluate(self, at, parameters):
        return parameters["size"] * np.sin(parameters["rate"] * at["x"]) + at["x"] ** 2


class Bent(Wave):
    """One that asks for a value, and cannot be followed."""

    def evaluate(self, at, parameters):
        rate = parameters["rate"] if parameters["rate"] > 1 else 2 - parameters["rate"]
        return parameters["size"] * np.exp(-rate * at["x"])


X = np.linspace(0.3, 4, 12)
CASES = {
    "flat-lcdm": (relations.DistanceModulus(omega_r=1e-3), {"omega_m": 0.3, "offset": 1.0}),
    "flat-wcdm": (
        relations.DistanceModulus("flat-wcdm"), {"omega_m": 0.2, "w0": -0.7, "offset": 1.0},
    ),
    "a vacuum": (
        relations.DistanceModulus("flat-wcdm"), {"omega_m": 0.2, "w0": -1.0, "offset": 1.0},
    ),
    "open": (
        relations.DistanceModulus("lcdm"), {"omega_m": 0.2, "omega_lambda": 0.1, "offset": 0.0},
    ),
    "closed": (
        relations.DistanceModulus("lcdm"), {"omega_m": 0.6, "omega_lambda": 0.9, "offset": 0.0},
    ),
    "nearly flat": (
        relations.DistanceModulus("lcdm"), {"omega_m": 0.3, "omega_lambda": 0.7003, "offset": 0.0},
    ),
    "power": (relations.PowerLaw(2.0), {"amplitude": -3.0, "slope": 0.7}),
    "broken": (
        relations.BrokenPowerLaw(0.2),
        {"amplitude": 2.0, "break": 1.5, "slope_below": 1.0, "slope_above": -2.0},
    ),
    "polynomial": (
        relations.Polynomial(2, 1.0, 2.0),
        {"coefficient_0": 1.0, "coefficient_1": 2.0, "coefficient_2": 3.0},
    ),
    "followed": (Wave(), {"size": 1.5, "rate": 1.2}),
    "called": (Bent(), {"size": 1.5, "rate": 1.2}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_those_of_differences(name):
    mean, values = CASES[name]
    priors = {key: ba.Prior("Uniform", lower=v - 0.01, upper=v + 0.01) for key, v in values.items()}
    found = MeanValues(mean, {"x": X}, priors)
    assert (found.tape is not None) == (name == "followed")
    point, toward = np.array(list(values.values())), np.cos(X)
    value, pull = found.both(point)
    np.testing.assert_allclose(value, mean.evaluate({"x": X}, values), rtol=1e-12)
    slopes = pull(toward)
    for i in range(len(point)):
        ends = []
        for sign in (1, -1):
            other = point.copy()
            other[i] += sign * 1e-5
            ends.append(toward @ found.value(other))
        assert slopes[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-7)


def test_the_broken_power_law_is_two_power_laws():
    mean, values = CASES["broken"]
    law = relations.BrokenPowerLaw(0.02)
    far = {"x": np.array([0.15, 15.0])}
    size = 2.0 * 2 ** (3.0 * 0.02)  # what the softened corner takes off on either side
    found = law.evaluate(far, values) / size
    np.testing.assert_allclose(found, [0.1, 0.01], rtol=1e-9)
    assert mean.evaluate({"x": np.array([1.5])}, values)[0] == pytest.approx(2.0)
