"""Reference values of the exercises on spectra and regression, chapters 7 and 8."""

from __future__ import annotations

from typing import Any

import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.library import arrays
from bayes_astro.exercises.measures import exact, least_squares, mixed, stated, summed

__all__ = [
    "curve_in_a_gap",
    "flux_limited_sample",
    "left_out_in_turn",
    "line_with_long_tails",
    "lines_of_a_spectrum",
    "many_coefficients",
    "matter_in_a_hubble_diagram",
    "spectrum_with_gaps",
    "upper_limits",
]


def spectrum_with_gaps() -> dict[str, Any]:
    """7.1: a linear fit in closed form."""
    data = arrays("7.1")
    flux, error, x = data["flux"], data["error"], np.linspace(0, 1, 40)
    line = np.exp(-0.5 * ((x - 0.62) / 0.08) ** 2)
    seen = np.isfinite(flux)

    def fitted(flux: Any, error: Any, shapes: list[Any], rows: Any) -> dict[str, float]:
        """The last coefficient, by what of its shape the others cannot tell."""
        q, r = np.linalg.qr(np.stack(shapes, axis=1)[rows] / error[rows, None])
        return stated(q[:, -1] @ (flux[rows] / error[rows]) / r[-1, -1], abs(1 / r[-1, -1]))

    shapes, every = [np.ones(40), 2 * x - 1, line], np.ones(40, bool)
    filled = np.interp(x, x[seen], flux[seen])
    wrong = {
        "gaps_as_zero": fitted(np.where(seen, flux, 0), error, shapes, every),
        "gaps_as_mean": fitted(np.where(seen, flux, flux[seen].mean()), error, shapes, every),
        "interpolated": fitted(filled, error, shapes, every),
        "unweighted": fitted(flux, np.full(40, error.mean()), shapes, seen),
        "projected": fitted(flux, error, [line], seen),
    }
    return exact(
        "closed form: a linear fit",
        {"line": fitted(flux, error, shapes, seen)},
        {name: {"line": value} for name, value in wrong.items()},
    )


def curve_in_a_gap() -> dict[str, Any]:
    """8.2: a sum over ln sigma and ln scale; given them the value is a Gaussian."""
    data = arrays("8.2")
    x, y, error = data["position"], data["value"], data["error"]
    there, root = 6.0, 3**0.5
    sigmas = np.exp(np.linspace(np.log(0.1), np.log(10), 60))
    scales = np.exp(np.linspace(np.log(0.2), np.log(20), 80))

    def given(sigma: float, scale: float, error: float) -> tuple[float, float, float]:
        """Log likelihood, and the value's mean and variance."""

        def kernel(lag: Any) -> Any:
            t = root * np.abs(lag) / scale
            return sigma**2 * (1 + t) * np.exp(-t)

        total = kernel(x[:, None] - x) + error**2 * np.eye(len(x))
        cross = kernel(x - there)
        solved = np.linalg.solve(total, np.stack([y, cross], axis=1))
        log_likelihood = -0.5 * (y @ solved[:, 0] + np.linalg.slogdet(total)[1])
        return log_likelihood, cross @ solved[:, 0], sigma**2 - cross @ solved[:, 1]

    def posterior(error: float) -> tuple[dict[str, float], Any]:
        table = np.array([given(s, t, error) for s in sigmas for t in scales])
        weight = np.exp(table[:, 0] - table[:, 0].max())
        return mixed(weight, table[:, 1], table[:, 2]), table[weight.argmax()]

    right, best = posterior(error)
    wrong = {
        "best_scales": stated(best[1], best[2] ** 0.5),
        "errors_ignored": posterior(0.02)[0],
        "interpolated": stated(np.interp(there, x, y), error / 2**0.5),
        "new_measurement": stated(right["mean"], np.hypot(right["sd"], error)),
    }
    return exact(
        "quadrature over ln sigma and ln scale, the value in closed form given them; flat priors",
        {"signal": right},
        {name: {"signal": value} for name, value in wrong.items()},
    )


def many_coefficients() -> dict[str, Any]:
    """8.3: in closed form, as a Gaussian process whose covariance is that of the polynomials."""
    data = arrays("8.3")
    x, y, error, there = data["x"], data["y"], data["error"], 0.7
    legendre = np.polynomial.legendre.legvander
    here, new = legendre(x, 9), legendre([there], 9)[0]

    def with_prior(sd: float) -> dict[str, float]:
        total = sd**2 * here @ here.T + error**2 * np.eye(len(x))
        gain = np.linalg.solve(total, sd**2 * here @ new)
        return stated(gain @ y, (sd**2 * new @ new - sd**2 * gain @ here @ new) ** 0.5)

    def without(degree: int) -> dict[str, float]:
        inverse = np.linalg.pinv(legendre(x, degree))
        gain = legendre([there], degree)[0] @ inverse
        return stated(gain @ y, error * np.linalg.norm(gain))

    wrong = {
        "no_prior": without(9),
        "penalty_unscaled": with_prior(error),
        "narrow_prior": with_prior(0.1),
        "straight_line": without(1),
        "cubic": without(3),
    }
    return exact(
        "closed form: a Gaussian process with the covariance of the polynomials",
        {"curve": with_prior(1.0)},
        {name: {"curve": value} for name, value in wrong.items()},
    )


def line_with_long_tails() -> dict[str, Any]:
    """8.5: quadrature over slope and intercept."""
    table: Any = ba.load("hogg-2010")
    x, y = table.column("x"), table.column("y")
    error = table.error[:, table.index("y")]
    slope = np.linspace(0.2, 4, 401)[:, None]
    intercept = np.linspace(-250, 450, 701)
    log_density = np.zeros((401, 701))
    for one, its_y, its_error in zip(x, y, error, strict=True):
        log_density -= 1.5 * np.log1p(((its_y - intercept - slope * one) / its_error) ** 2 / 2)
    kept = np.arange(20)
    for _ in range(20):  # until it changes no more
        line = np.polyfit(x[kept], y[kept], 1, w=1 / error[kept])
        kept = np.flatnonzero(np.abs(y - np.polyval(line, x)) < 3 * error)

    def fitted(rows: Any) -> dict[str, Any]:
        return least_squares(x[rows], y[rows], 1 / error[rows], "unscaled")

    return exact(
        "quadrature over slope and intercept; flat priors",
        {"slope": summed(log_density, slope), "intercept": summed(log_density, intercept)},
        {
            "chi_square_of_all": fitted(slice(None)),
            "three_sigma_clipping": fitted(kept),
            "chosen_by_hand": fitted(slice(4, None)),
            "one_wide_scatter": least_squares(x, y, None, True),
        },
    )


def upper_limits() -> dict[str, Any]:
    """8.7: quadrature over slope, intercept and scatter."""
    from scipy.stats import norm

    data = arrays("8.7")
    slope = np.linspace(-0.6, 2.4, 71)[:, None, None]
    intercept = np.linspace(0.2, 1.7, 71)[:, None]
    scatter = np.linspace(0.005, 1, 70)
    width = np.hypot(scatter, data["error"])

    def posterior(of_limit: Any) -> dict[str, Any]:
        log_density = np.zeros((71, 71, 70))
        for x, y, hidden in zip(data["x"], data["y"], data["is_limit"], strict=True):
            line = intercept + slope * x
            if hidden:
                log_density += of_limit(y, line)
            else:
                log_density += seen(y, line)
        return {"slope": summed(log_density, slope), "scatter": summed(log_density, scatter)}

    def seen(y: float, line: Any) -> Any:
        return -0.5 * ((y - line) / width) ** 2 - np.log(width)

    return exact(
        "quadrature over slope, intercept and scatter; flat priors",
        posterior(lambda y, line: norm.logcdf((y - line) / width)),
        {
            "limits_left_out": posterior(lambda y, line: 0.0),
            "limits_as_detections": posterior(seen),
            "half_of_the_limit": posterior(lambda y, line: seen(y / 2, line)),
            "wrong_side": posterior(lambda y, line: norm.logsf((y - line) / width)),
        },
    )


def left_out_in_turn() -> dict[str, Any]:
    """8.9: in closed form, from the leverage of each point in the fit to all."""
    data = arrays("8.9")
    x, y, error, n = data["x"], data["y"], data["error"], 16

    def fitted(degree: int) -> tuple[Any, Any]:
        matrix = np.vander(x, degree + 1)
        hat = matrix @ np.linalg.pinv(matrix)
        return y - hat @ y, np.diag(hat)

    def score(off: Any, variance: Any) -> Any:
        return -0.5 * (off**2 / variance + np.log(variance))

    def left_out(degree: int) -> Any:
        off, leverage = fitted(degree)
        return score(off / (1 - leverage), error**2 / (1 - leverage))

    def trained(degree: int) -> Any:
        off, leverage = fitted(degree)
        return score(off, error**2 * (1 + leverage))

    difference, seen = left_out(2) - left_out(1), trained(2) - trained(1)
    total, sd = difference.sum(), difference.std(ddof=1)
    chi_square = [np.sum(fitted(degree)[0] ** 2) / error**2 for degree in (1, 2)]
    right = stated(total, n**0.5 * sd)
    wrong = {
        "training_score": stated(seen.sum(), n**0.5 * seen.std(ddof=1)),
        "chi_square": stated(0.5 * (chi_square[0] - chi_square[1]), right["sd"]),
        "mean_for_sum": stated(total / n, sd / n**0.5),
        "deviance": stated(-2 * total, 2 * right["sd"]),
        "no_square_root": stated(total, sd),
    }
    return exact(
        "closed form: residuals and leverages of the fit to all points",
        {"difference": right},
        {name: {"difference": value} for name, value in wrong.items()},
    )


def flux_limited_sample() -> dict[str, Any]:
    """8.10: quadrature over slope, intercept and scatter."""
    from scipy.stats import norm

    data = arrays("8.10")
    slope = np.linspace(0, 4.5, 91)[:, None, None]
    intercept = np.linspace(-1.2, 0.6, 91)[:, None]
    scatter = np.linspace(0.005, 0.9, 70)
    sd = np.hypot(scatter, data["error"])
    faintest = data["faintest"]

    def posterior(bounds: Any, power: float) -> dict[str, Any]:
        """Each density times a power of its chance to be listed."""
        log_density = np.zeros((91, 91, 70))
        rows = zip(data["width"], data["luminosity"], bounds, strict=True)
        for x, y, bound in rows:
            line = intercept + slope * x
            log_density += -0.5 * ((y - line) / sd) ** 2 - np.log(sd)
            if power:
                log_density += power * norm.logcdf((line - bound) / sd)
        return {"slope": summed(log_density, slope), "scatter": summed(log_density, scatter)}

    return exact(
        "quadrature over slope, intercept and scatter; flat priors",
        posterior(faintest, -1.0),
        {
            "limit_ignored": posterior(faintest, 0.0),
            "multiplied": posterior(faintest, 1.0),
            "one_limit_for_all": posterior(np.full(60, faintest.mean()), -1.0),
        },
    )


def matter_in_a_hubble_diagram() -> dict[str, Any]:
    """8.11: quadrature over the density, the offset integrated; distances by Gauss-Legendre."""
    table: Any = ba.load("pantheon-binned")
    z, magnitude = table.column("redshift"), table.column("magnitude")
    error = table.error[:, table.index("magnitude")]
    joint = np.diag(error**2) + table.point_covariance["magnitude"]
    nodes, weights = np.polynomial.legendre.leggauss(40)
    along = 0.5 * z[:, None] * (nodes + 1)
    omega = np.linspace(0.0005, 0.9995, 1999)
    hubble = omega[:, None, None] * (1 + along) ** 3 + 1 - omega[:, None, None]
    modulus = 5 * np.log10(0.5 * z * (hubble**-0.5 @ weights))
    dimmed = 5 * np.log10(1 + z)

    def posterior(covariance: Any, bright: Any = dimmed, fixed: bool = False) -> dict[str, Any]:
        inverse = np.linalg.inv(covariance)
        total, r = inverse.sum(), magnitude - modulus - bright
        offset = r @ inverse.sum(axis=0) / total
        chi_square = np.einsum("ij,jk,ik->i", r, inverse, r) - total * offset**2
        if fixed:
            chi_square = chi_square + total * (offset - offset[chi_square.argmin()]) ** 2
        return {"omega_m": summed(-0.5 * chi_square, omega)}

    return exact(
        "quadrature over the density of matter; the offset in closed form; flat priors",
        posterior(joint),
        {
            "statistical_errors_alone": posterior(np.diag(error**2)),
            "offset_fixed": posterior(joint, fixed=True),
            "light_not_dimmed": posterior(joint, bright=0.0),
            "errors_added": posterior(np.diag(error) + table.point_covariance["magnitude"]),
        },
    )


def lines_of_a_spectrum() -> dict[str, Any]:
    """8.12: Laplace's prior and a normal density in closed form, quadrature over the width."""
    from scipy.stats import norm

    data = arrays("8.12")
    y, error = data["y"], float(data["error"])
    width = np.linspace(0.005, 5, 1000)[:, None]

    def laplace(width: Any) -> tuple[Any, Any, Any]:
        """Log density of each line by width; mean and variance of the first strength."""
        shift = error**2 / width
        pieces, middles, squares = [], [], []
        for sign in (1.0, -1.0):  # strengths above and below zero: truncated normals
            middle = sign * y - shift
            t = middle / error
            pieces.append(norm.logcdf(t) + t**2 / 2 - y**2 / (2 * error**2) - np.log(width))
            inside = np.exp(norm.logpdf(t[:, 0]) - norm.logcdf(t[:, 0]))
            first = middle[:, 0] + error * inside
            middles.append(sign * first)
            squares.append(error**2 + middle[:, 0] * first)
        log_density = np.logaddexp(*pieces)
        share = np.exp(np.array(pieces)[:, :, 0] - log_density[:, 0])
        mean = (share * middles).sum(axis=0)
        return log_density, mean, (share * squares).sum(axis=0) - mean**2

    def over_widths(log_density: Any, mean: Any, variance: Any) -> dict[str, Any]:
        total = log_density.sum(axis=1)
        return {"strength": mixed(np.exp(total - total.max()), mean, variance)}

    spread = np.hypot(width, error)
    gain = (width[:, 0] / spread[:, 0]) ** 2
    normal = over_widths(norm.logpdf(y, 0, spread), gain * y[0], gain * error**2)
    _, mean, variance = laplace(np.array([[0.3]]))
    return exact(
        "truncated normals in closed form; quadrature over the prior's width, flat from 0 to 5",
        over_widths(*laplace(width)),
        {
            "not_shrunk": {"strength": stated(y[0], error)},
            "normal_prior": normal,
            "narrow_prior": {"strength": stated(mean[0], variance[0] ** 0.5)},
        },
    )
