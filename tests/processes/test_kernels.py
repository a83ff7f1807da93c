"""Kernels against their formulas, sums and products against dense algebra and celerite2."""

import numpy as np
import pytest

import bayes_astro as ba
from bayes_astro.likelihoods.semiseparable_passes import passes
from bayes_astro.processes import kernels, process
from bayes_astro.processes.kernels import Scales, from_dict

T = np.linspace(0, 12, 61)


def oscillator(sigma, period, quality):
    """The textbook's three cases."""
    omega = 2 * np.pi / period
    c = omega / (2 * quality)
    d = np.sqrt(complex(omega**2 - c**2))
    if d == 0:
        return sigma**2 * np.exp(-c * T) * (1 + c * T)
    return (sigma**2 * np.exp(-c * T) * (np.cos(d * T) + c / d * np.sin(d * T))).real


def matern(sigma, scale, half):
    s = np.sqrt(2 * half) * T / scale
    polynomial = 1 + s if half == 1.5 else 1 + s + s**2 / 3
    return sigma**2 * polynomial * np.exp(-s)


def rotation(sigma, period, quality, quality_difference, mix):
    """celerite's definition: S0, omega0, Q of both modes."""
    total = 0.0
    for q, w, amplitude in (
        (0.5 + quality + quality_difference, 4 * np.pi, 1.0),
        (0.5 + quality, 8 * np.pi, mix),
    ):
        omega = w * q / (period * np.sqrt(4 * q**2 - 1))
        variance = amplitude * sigma**2 / (1 + mix)
        total = total + oscillator(np.sqrt(variance), 2 * np.pi / omega, q)
    return total


def quasi_periodic(sigma, period, decay, roughness):
    periodic = np.exp(-2 * np.sin(np.pi * T / period) ** 2 / roughness**2)
    return sigma**2 * periodic * (1 + T / decay) * np.exp(-T / decay)


FORMULAS = [
    (kernels.DampedRandomWalk(), {"sigma": 2, "tau": 3}, 4 * np.exp(-T / 3)),
    (kernels.Matern32(), {"sigma": 2, "scale": 3}, matern(2, 3, 1.5)),
    (kernels.Matern52(), {"sigma": 2, "scale": 3}, matern(2, 3, 2.5)),
    (kernels.Cosine(), {"sigma": 2, "period": 3}, 4 * np.cos(2 * np.pi * T / 3)),
    (
        kernels.DampedCosine(),
        {"sigma": 2, "tau": 4, "period": 3},
        4 * np.exp(-T / 4) * np.cos(2 * np.pi * T / 3),
    ),
    *(
        (kernels.SHO(), {"sigma": 2, "period": 3, "quality": q}, oscillator(2, 3, q))
        for q in (0.02, 0.3, 0.4999, 0.5, 0.5 + 1e-9, 0.6, 1, 30)
    ),
    (
        kernels.Rotation(),
        {"sigma": 2, "period": 5, "quality": 0.7, "quality_difference": 1.2, "mix": 0.4},
        rotation(2, 5, 0.7, 1.2, 0.4),
    ),
    (
        kernels.QuasiPeriodic(harmonics=8),
        {"sigma": 2, "period": 3, "decay": 5, "roughness": 1.5},
        quasi_periodic(2, 3, 5, 1.5),
    ),
    (
        kernels.Matern32() * kernels.Cosine() * kernels.DampedRandomWalk(),
        {"sigma": 2, "scale": 2, "period": 3, "tau": 4},
        matern(2, 2, 1.5) * np.cos(2 * np.pi * T / 3) * np.exp(-T / 4),
    ),
    (
        kernels.Matern52() * (kernels.SHO(sigma=1.0) + kernels.DampedRandomWalk()),
        {
            "matern52_sigma": 2,
            "scale": 3,
            "period": 3,
            "quality": 2,
            "damped_random_walk_sigma": 0.5,
            "tau": 4,
        },
        matern(2, 3, 2.5) * (oscillator(1, 3, 2) + 0.25 * np.exp(-T / 4)),
    ),
]


@pytest.mark.parametrize("kernel,parameters,expected", FORMULAS)
def test_covariance(kernel, parameters, expected):
    assert kernel.covariance(T, **parameters) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert kernel.covariance(-T, **parameters) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "kernel,parameters",
    [
        (kernels.DampedRandomWalk(), {"sigma": 2, "tau": 3}),
        (kernels.SHO(), {"sigma": 2, "period": 3, "quality": 0.3}),
        (kernels.Matern52(), {"sigma": 2, "scale": 3}),
        (kernels.Matern32() * kernels.Cosine(), {"sigma": 2, "scale": 3, "period": 2}),
        (kernels.DampedCosine(), {"sigma": 2, "tau": 3, "period": 2}),
    ],
)
def test_power_spectrum_is_the_transform_of_the_covariance(kernel, parameters):
    t = np.linspace(0, 120, 240_001)
    k = kernel.covariance(t, **parameters)
    for frequency in (0.0, 0.1, 0.37, 0.5):
        expected = 2 * np.trapezoid(k * np.cos(2 * np.pi * frequency * t), t)
        found = kernel.power_spectrum(frequency, **parameters)[0]
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


CARMA = {
    "sigma": 1.3,
    "tau": 2.0,
    "period_1": 3.0,
    "quality_1": 0.9,
    "period_2": 6.5,
    "quality_2": 0.3,
    "period_3": 1.5,
    "quality_3": 4.0,
    "beta_1": 0.3,
    "beta_2": 0.5,
    "beta_3": 0.1,
}


@pytest.mark.parametrize(
    "p,q", [(1, 0), (2, 0), (2, 1), (3, 0), (3, 2), (4, 2), (5, 3), (6, 1), (7, 3)]
)
def test_carma_has_its_rational_spectrum(p, q):
    kernel = kernels.CARMA(p, q)
    kernel.check()
    parameters = {name: CARMA[name] for name in kernel.parameters()}
    frequency = np.linspace(0.01, 2, 80)
    s = 2j * np.pi * frequency
    alpha = s + 1 / CARMA["tau"] if p % 2 else np.ones_like(s)
    for k in range(1, p // 2 + 1):
        omega = 2 * np.pi / CARMA[f"period_{k}"]
        alpha = alpha * (s**2 + omega / CARMA[f"quality_{k}"] * s + omega**2)
    beta = 1 + sum(CARMA[f"beta_{j}"] * s**j for j in range(1, q + 1))
    ratio = kernel.power_spectrum(frequency, **parameters) / np.abs(beta / alpha) ** 2
    assert np.ptp(ratio) < 1e-9 * ratio.mean()
    assert kernel.covariance(0.0, **parameters) == pytest.approx(1.69)


def test_exposures():
    """Against a double integral."""
    one = kernels.SHO() + kernels.DampedRandomWalk()
    parameters = {
        "sho_sigma": 2,
        "period": 3,
        "quality": 2,
        "damped_random_walk_sigma": 1,
        "tau": 1,
    }
    whole = kernels.ExposureIntegrated(one, 0.5)
    node, weight = np.polynomial.legendre.leggauss(80)
    node, weight = 0.25 * node, 0.5 * weight
    for lag in (0.5, 0.8, 4.0):
        inside = one.covariance(lag + node[:, None] - node, **parameters)
        expected = weight @ inside @ weight
        assert whole.covariance(lag, **parameters) == pytest.approx(expected, rel=1e-10)
    t = np.linspace(0, 0.5, 200_001)
    expected = 2 / 0.25 * np.trapezoid((0.5 - t) * one.covariance(t, **parameters), t)
    assert whole.covariance(0.0, **parameters) == pytest.approx(expected, rel=1e-8)


SUMS = {
    "drw": (kernels.DampedRandomWalk(), [1.3, 40.0]),
    "sho": (kernels.SHO(), [1.3, 9.0, 0.5]),
    "rotation + sho": (
        kernels.Rotation() + kernels.SHO(quality=0.7),
        [1.0, 12.0, 1.5, 0.5, 0.4, 0.8, 3.0],
    ),
    "three matern": (
        kernels.Matern32() + kernels.Matern52() + kernels.Matern32() * kernels.Cosine(),
        [1.0, 30.0, 0.5, 8.0, 0.7, 20.0, 5.0],
    ),
    "carma": (kernels.CARMA(5, 2), [1.3, 30.0, 0.9, 8.5, 0.4, 20.0, 3.0, 5.0]),
    "quasi-periodic": (kernels.QuasiPeriodic(), [1.0, 7.0, 40.0, 0.9]),
    "j=12": (
        kernels.Matern52() * kernels.SHO(sigma=1.0)
        + kernels.Rotation()
        + kernels.DampedRandomWalk()
        + kernels.DampedRandomWalk(),
        [1.0, 20.0, 6.0, 3.0, 0.5, 12.0, 1.5, 0.5, 0.4, 0.3, 1.0, 0.5, 300.0],
    ),
}


def named(kernel, numbers):
    free = [name for name, _ in kernel.variables() if name not in kernel.fixed()]
    return dict(zip(free, numbers, strict=True))


def gappy(n=120, seed=0):
    """Seasons, clusters of close points, errors over three decades, and Julian dates."""
    rng = np.random.default_rng(seed)
    season = rng.integers(0, 3, n) * 365.25
    time = season + rng.uniform(0, 120, n)
    time[::10] = time[1::10] + 1e-3
    return np.sort(time) + 2.45e6, 10 ** rng.uniform(-3, 0, n), rng.normal(size=n)


def likelihood(kernel, parameters, time, error, value):
    found = process.tables(kernel, parameters, 1)
    n = len(time)
    arguments = (np.zeros(0), time, np.zeros(n, np.int64), np.zeros((n, 0)))
    return passes(found.layout, 0).value(value, error**2, *found.arguments, *arguments)[0]


# Each of them compiles a likelihood of its own.
SLOW = ("three matern", "j=12")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in SUMS]
)
def test_likelihood_is_that_of_the_dense_covariance(name):
    kernel, numbers = SUMS[name]
    parameters = named(kernel, numbers)
    time, error, value = gappy()
    k = kernel.covariance(time[:, None] - time, **parameters) + np.diag(error**2)
    lower = np.linalg.cholesky(k)
    white = np.linalg.solve(lower, value)
    expected = -0.5 * (white @ white + len(time) * np.log(2 * np.pi))
    expected -= np.log(np.diag(lower)).sum()
    found = likelihood(kernel, parameters, time, error, value)
    assert found == pytest.approx(expected, rel=1e-8)


def test_likelihood_is_that_of_celerite2():
    import celerite2
    from celerite2 import terms

    time, error, value = gappy()
    cases = [
        (kernels.DampedRandomWalk(), [1.3, 40.0], terms.RealTerm(a=1.69, c=1 / 40)),
        (kernels.SHO(), [1.3, 9.0, 0.3], terms.SHOTerm(sigma=1.3, rho=9.0, Q=0.3)),
        (
            kernels.DampedCosine(),
            [1.3, 12.0, 5.0],
            terms.ComplexTerm(a=1.69, b=0.0, c=1 / 12, d=2 * np.pi / 5),
        ),
        (kernels.SHO(), [1.3, 9.0, 3.0], terms.SHOTerm(sigma=1.3, rho=9.0, Q=3.0)),
        (
            kernels.Rotation() + kernels.SHO(),
            [1.0, 12.0, 1.5, 0.5, 0.4, 0.8, 3.0, 0.7],
            terms.RotationTerm(sigma=1.0, period=12.0, Q0=1.5, dQ=0.5, f=0.4)
            + terms.SHOTerm(sigma=0.8, rho=3.0, Q=0.7),
        ),
    ]
    for kernel, numbers, term in cases:
        gp = celerite2.GaussianProcess(term)
        gp.compute(time - time[0], yerr=error)
        found = likelihood(kernel, named(kernel, numbers), time, error, value)
        assert found == pytest.approx(gp.log_likelihood(value), rel=1e-8)


def test_names():
    one = ba.kernels.SHO(name="granulation") + ba.kernels.SHO() + ba.kernels.SHO(period=3.0)
    names = [name for name, _ in one.variables()]
    assert names[0] == "granulation_sigma"
    assert len(set(names)) == len(names) == 9
    assert one.fixed() == {names[7]: 3.0}
    assert set(one.priors(Scales(1.0, 100.0, 1.0))) == {*names} - {names[7]}
    labels = process.labels(one, None)
    assert labels == ("granulation", "sho_1", "sho_2")


def test_fixed_parameters_of_one_name_stay_apart():
    """Two numbers of one name in a sum were one variable: the last of them won."""
    walk = ba.kernels.DampedRandomWalk(sigma=0.3, tau=50.0)
    matern = ba.kernels.Matern32(sigma=0.1, scale=5.0)
    lag = np.array([0.0, 1.0, 7.0])
    both = walk.covariance(lag) + matern.covariance(lag)
    for kernel in (walk + matern, matern + walk):
        names = [name for name, _ in kernel.variables()]
        assert len(set(names)) == len(names) == 4
        np.testing.assert_allclose(kernel.covariance(lag), both, rtol=1e-12)
    wave = ba.kernels.Cosine(period=10.0)
    product = ba.kernels.Matern32(sigma=2.0, scale=3.0) * wave
    np.testing.assert_allclose(product.covariance([0.0]), [4.0], rtol=1e-12)
    free = (
        ba.kernels.SHO() + ba.kernels.DampedRandomWalk(sigma=0.3) + ba.kernels.Matern32(sigma=0.1)
    )
    names = [name for name, _ in free.variables()]
    assert names[0] == "sigma"  # the only one that is free
    assert len(set(names)) == len(names)


def test_to_and_from_a_dictionary():
    one = (
        ba.kernels.ExposureIntegrated(
            ba.kernels.SHO(quality=ba.Prior("Gamma", alpha=2, beta=1)), 0.1
        )
        + ba.kernels.CARMA(3, 1, {"tau": 3.0})
        + ba.kernels.Matern32() * ba.kernels.QuasiPeriodic(harmonics=3)
    )
    again = from_dict(one.to_dict())
    assert repr(again) == repr(one)
    assert again.to_dict() == one.to_dict()


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: kernels.SHO(quality=-1.0), "quality=-1.0 must be a positive number"),
        (lambda: kernels.DampedRandomWalk(tau="long"), "tau='long' must be"),
        (lambda: kernels.SHO(period=ba.Prior("Normal", mu=1, sigma=1)), "admits negative"),
        (lambda: kernels.CARMA(2, 2), "0 <= q < p"),
        (lambda: kernels.CARMA(2, 1, {"tau": 1.0}), "has no 'tau'"),
        (lambda: kernels.ExposureIntegrated(kernels.SHO(), -1.0), "exposure=-1.0"),
        (lambda: kernels.QuasiPeriodic(harmonics=0), "harmonics=0"),
        (lambda: "SHO", "must be a kernel"),
        (lambda: kernels.SHO, "with brackets"),
    ],
)
def test_bad_kernels_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        ba.GaussianProcess(make()).check_all_settings()


def test_bad_dictionaries_are_refused():
    for plain, message in (
        ({"kernel": "RBF"}, "Unknown kernel"),
        ({"kernel": "SHO", "tau": 3}, "no parameter 'tau'"),
        ([], "a table with a 'kernel'"),
        ({"kernel": "Sum", "parts": []}, "list of kernels"),
    ):
        with pytest.raises(ValueError, match=message):
            from_dict(plain)


def test_a_name_that_does_not_exist():
    with pytest.raises(ValueError, match="Did you mean 'tau'"):
        kernels.DampedRandomWalk().covariance(T, sigma=1, tua=2)
    with pytest.raises(ValueError, match="needs tau"):
        kernels.DampedRandomWalk().covariance(T, sigma=1)
