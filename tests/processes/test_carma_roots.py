"""Coinciding roots of a CARMA process: refused, and right as near as that."""

import astropy.units as u
import numpy as np
import pytest
from samples import walk
from scipy.integrate import quad

import bayes_astro as ba
from bayes_astro.kernels import CARMA

TRIPLE = {"sigma": 1.0, "period_1": 2 * np.pi, "quality_1": 0.5, "tau": 1.0, "beta_1": 0.5}


def by_hand(lags):
    """Of alpha = (s + 1)^3 and beta = 1 + s / 2, by the Fourier integral of its spectrum."""

    def spectrum(w):
        return (1 + 0.25 * w * w) / (1 + w * w) ** 3

    whole = quad(spectrum, 0, np.inf)[0]
    return np.array([quad(spectrum, 0, np.inf, weight="cos", wvar=t)[0] for t in lags]) / whole


@pytest.mark.parametrize("shift", [0.0, 1e-9, 1e-6, -1e-6])
def test_a_triple_root_is_refused(shift):
    values = TRIPLE | {"tau": 1.0 + shift}
    message = r"CARMA\(3, 1\): roots of alpha coincide.*period_1=6\.28319.*move one"
    with pytest.raises(ValueError, match=message):
        CARMA(3, 1, values).check()
    with pytest.raises(ValueError, match=message):
        CARMA(3, 1).covariance([0.0, 1.0], **values)
    with pytest.raises(ValueError, match=message):
        ba.GaussianProcess(CARMA(3, 1, values)).fit(walk(20), progress=False)
    del values["sigma"], values["beta_1"]
    with pytest.raises(ValueError, match=message):
        ba.GaussianProcess(CARMA(3, 1, values)).fit(walk(20), progress=False)


@pytest.mark.parametrize(("shift", "error"), [(1e-3, 1e-3), (-1e-3, 1e-3), (1e-4, 1e-4)])
def test_beside_it_the_covariance_is_right(shift, error):
    kernel = CARMA(3, 1, TRIPLE | {"tau": 1.0 + shift})
    kernel.check()
    lags = np.array([0.5, 1.0, 2.0])
    assert kernel.covariance(lags) == pytest.approx(by_hand(lags), abs=error)


def test_two_equal_oscillators_are_refused():
    pair = {"period_1": 5.0, "quality_1": 2.0, "period_2": 5.0, "quality_2": 2.0}
    with pytest.raises(ValueError, match=r"CARMA\(4, 0\): roots of alpha coincide"):
        CARMA(4, 0, pair).check()
    CARMA(4, 0, pair | {"period_2": 5.005}).check()
    CARMA(4, 0, pair | {"quality_2": 2.1}).check()


def test_quantities_and_what_is_free():
    day, hours = TRIPLE | {"tau": 24 * u.h}, 2 * np.pi * u.d
    with pytest.raises(ValueError, match="roots of alpha coincide"):
        CARMA(3, 1, day | {"period_1": hours}).check()
    CARMA(3, 1, {"tau": 1.0}).check()
    CARMA(1, 0, {"tau": 1.0}).check()
    CARMA(2, 0, {"period_1": 1.0, "quality_1": 0.5}).check()  # one factor: no fractions
