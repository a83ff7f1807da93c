"""Reference values of the exercises on samples and their statistics, chapters 3 and 4."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import exact, stated, summed

__all__ = [
    "magnitude_of_a_faint_source",
    "purity_of_a_selection",
    "sources_among_pixels",
    "spread_of_eight",
    "two_clusters",
]


def _of_beta(a: float, b: float) -> dict[str, float]:
    return stated(a / (a + b), (a * b / (a + b) ** 2 / (a + b + 1)) ** 0.5)


def magnitude_of_a_faint_source() -> dict[str, Any]:
    """3.1: quadrature over the flux."""
    data = arrays("3.1")
    y, error = data["flux"], data["error"]
    flux = np.linspace(1e-3, 8, 40_001)
    magnitude = 25 - 2.5 * np.log10(flux)

    def posterior(rows: Any) -> dict[str, float]:
        off = (y[rows, None] - flux) / error[rows, None]
        return summed(-0.5 * (off**2).sum(axis=0), magnitude)

    seen = y > 0
    each, its_error = 25 - 2.5 * np.log10(y[seen]), 1.0857 * error[seen] / y[seen]
    weight, best = its_error**-2.0, int(np.argmin(its_error))
    wrong = {
        "negative_left_out": posterior(seen),
        "magnitudes_averaged": stated(np.average(each, weights=weight), weight.sum() ** -0.5),
        "magnitudes_unweighted": stated(each.mean(), each.std(ddof=1) / len(each) ** 0.5),
        "best_exposure": stated(each[best], its_error[best]),
    }
    return exact(
        "quadrature over the flux; flat above zero",
        {"magnitude": posterior(slice(None))},
        {name: {"magnitude": value} for name, value in wrong.items()},
    )


def purity_of_a_selection() -> dict[str, Any]:
    """3.2: quadrature over both fractions."""
    data, rate = arrays("3.2"), 1 / 60
    kept, lost = data["kept_quasars"], data["all_quasars"] - data["kept_quasars"]
    alarms, quiet = data["kept_stars"], data["all_stars"] - data["kept_stars"]
    quasars = np.linspace(0, 1, 802)[1:-1, None]
    stars = np.linspace(0, 0.15, 1001)[1:]
    log_density = kept * np.log(quasars) + lost * np.log1p(-quasars)
    log_density = log_density + alarms * np.log(stars) + quiet * np.log1p(-stars)

    def purity(rate: float) -> dict[str, float]:
        share = rate * quasars / (rate * quasars + (1 - rate) * stars)
        return summed(log_density, share)

    false = _of_beta(alarms + 1, quiet + 1)
    wrong = {
        "completeness": _of_beta(kept + 1, lost + 1),
        "training_purity": _of_beta(kept + 1, alarms + 1),
        "one_minus_false_alarms": stated(1 - false["mean"], false["sd"]),
        "base_rate_forgotten": purity(0.5),
    }
    return exact(
        "quadrature over both fractions; flat priors",
        {"purity": purity(rate)},
        {name: {"purity": value} for name, value in wrong.items()},
    )


def spread_of_eight() -> dict[str, Any]:
    """4.5: the moments of a chi distribution's inverse."""
    from scipy.special import gamma

    velocity = arrays("4.5")["velocity"]
    n, freedom = len(velocity), len(velocity) - 1
    sd = velocity.std(ddof=1)
    half = freedom * sd**2 / 2
    mean = half**0.5 * gamma((freedom - 1) / 2) / gamma(freedom / 2)
    variance = half / (freedom / 2 - 1) - mean**2
    chosen = np.random.default_rng(45).choice(velocity, (100_000, n)).std(axis=1, ddof=1)
    without = np.array([np.delete(velocity, i).std(ddof=1) for i in range(n)])
    of_jackknife = ((n - 1) / n * np.sum((without - without.mean()) ** 2)) ** 0.5
    of_large = (2 * freedom) ** -0.5
    wrong = {
        "bootstrap": stated(chosen.mean(), chosen.std()),
        "jackknife": stated(n * sd - freedom * without.mean(), of_jackknife),
        "gaussian_error": stated(sd, sd * of_large),
        "error_of_the_mean": stated(sd / n**0.5, sd / n**0.5 * of_large),
    }
    return exact(
        "closed form: the square over a chi-square distribution; flat in the mean and ln s",
        {"dispersion": stated(mean, variance**0.5)},
        {name: {"dispersion": value} for name, value in wrong.items()},
    )


def sources_among_pixels() -> dict[str, Any]:
    """4.6: quadrature over the fraction; the convolution by quadrature, too."""
    from scipy.stats import norm

    pixel = arrays("4.6")["pixel"]
    n, flux = len(pixel), np.linspace(0, 60, 6001)
    source = np.trapezoid(np.exp(-flux / 4) / 4 * norm.pdf(pixel[:, None] - flux), flux, axis=1)
    fraction = np.linspace(0, 1, 4001)[1:-1, None]
    log_density = np.log(fraction * source + (1 - fraction) * norm.pdf(pixel)).sum(axis=1)
    p_value = np.sort(norm.sf(pixel))
    found = int(np.flatnonzero(p_value <= 0.05 * np.arange(1, n + 1) / n)[-1]) + 1

    def counted(k: int) -> dict[str, float]:
        return _of_beta(k + 1, n - k + 1)

    balance = np.sum(pixel > 0) - np.sum(pixel < 0)
    wrong = {
        "above_three_sigma": counted(int(np.sum(pixel > 3))),
        "false_discovery_rate": counted(found),
        "five_per_cent": counted(int(np.sum(p_value < 0.05))),
        "positive_less_negative": stated(balance / n, n**-0.5),
    }
    return exact(
        "quadrature over the fraction; flat prior",
        {"fraction": summed(log_density, fraction[:, 0])},
        {name: {"fraction": value} for name, value in wrong.items()},
    )


def two_clusters() -> dict[str, Any]:
    """4.7: the variances of two Student t distributions add."""
    samples = [arrays("4.7")[name] for name in ("first", "second")]
    squares = [one.var(ddof=1) / len(one) for one in samples]
    n = [len(one) for one in samples]
    difference = samples[0].mean() - samples[1].mean()
    variance = sum(s * (k - 1) / (k - 3) for s, k in zip(squares, n, strict=True))
    freedom = sum(n) - 2
    common = sum(one.var(ddof=1) * (len(one) - 1) for one in samples) / freedom
    pooled = common * sum(1 / k for k in n) * freedom / (freedom - 2)
    wrong = {
        "pooled": stated(difference, pooled**0.5),
        "spread_for_error": stated(difference, sum(one.var(ddof=1) for one in samples) ** 0.5),
        "gaussian": stated(difference, sum(squares) ** 0.5),
    }
    return exact(
        "closed form: the difference of two Student t distributions",
        {"difference": stated(difference, variance**0.5)},
        {name: {"difference": value} for name, value in wrong.items()},
    )
