"""Why slopes of lines with errors in x lie a little high: what of it is the estimate, the mean, the prior.

    python benchmarks/slope_bias.py table [--runs 300] [--shapes skewed ...] [--components 1 3]
    python benchmarks/slope_bias.py causes [--runs 300]
    python benchmarks/slope_bias.py estimate [--runs 200000]

Points as in `regression_peers.py`. *table*: bias of the slope in its standard deviations, of the mean
and the median of the posterior, and the shares of central 68% and 95% intervals that hold the truth, for
our line and for least squares, orthogonal regression and a flat prior on the true predictors. *causes*:
the same of one Gaussian with other sizes, errors and priors. *estimate*: the estimate of largest
likelihood in closed form, which needs no fit, beside its bias to the order 1/n,

    b = s_xy / (s_xx - e^2),   E b - beta = beta e^2 (3 T + 2 e^2) / (n T^2),

with T the variance of the true predictors and e their errors, of whatever shape they are: the fourth
moment enters the variance of s_xx and its covariance with s_xy, and falls out of the difference. Two
parts are the ratio's, whose denominator is noisy, and one that moments about the sample's mean are
(n - 1) / n too small while e^2 is not.
"""

import argparse
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from regression_peers import ERROR_X, ERROR_Y, SCATTER, SLOPE, flat, predictors, simulate

import bayes_astro as ba

SHAPES = ("skewed", "bimodal", "uniform")
LEVELS = (0.16, 0.84, 0.025, 0.975)


def points(seed, n, shape, error):
    """As `simulate` makes them, with other errors of the predictor."""
    if error == ERROR_X:
        return simulate(seed, n, shape)
    rng = np.random.default_rng(seed)
    x = predictors(shape, n, rng)
    y = 1 + SLOPE * x + SCATTER * rng.normal(size=n)
    errors = np.tile([error, ERROR_Y], (n, 1))
    value = np.column_stack([x, y]) + errors * rng.normal(size=(n, 2))
    return ba.Measurements(value, errors, names=("x", "y"))


def posterior(data, many, seed, priors):
    """Mean, median, standard deviation and ends of central intervals of the slope."""
    given = priors(data) if priors else None
    model = ba.LinearRelation("y", n_components=many, priors=given)
    sampler = ba.NUTS(draws=500, tune=400, chains=1, target_accept=0.9)
    draws = model.fit(data, sampler, seed=seed, progress=False).posterior["posterior"]
    draws = draws["slope"].values.ravel()
    return [draws.mean(), np.median(draws), draws.std(), *np.quantile(draws, LEVELS)]


def told(label, rows):
    """One line: biases with their errors, and coverage."""
    mean, median, sd, *ends = np.array(rows).T
    error = 1 / np.sqrt(len(mean))
    z, m = (mean - SLOPE) / sd, (median - SLOPE) / sd
    whole = (mean - SLOPE).mean() / mean.std()
    middle = (median - SLOPE).mean() / mean.std()
    held = [np.mean((a < SLOPE) & (b > SLOPE)) for a, b in (ends[:2], ends[2:])]
    print(
        f"{label}: mean {z.mean():+.2f}, median {m.mean():+.2f} of each sd (+-{error:.2f}); "
        f"{whole:+.2f}, {middle:+.2f} of the sd over sets, {(mean - SLOPE).mean():+.4f}; "
        f"68%: {held[0]:.2f}, 95%: {held[1]:.2f}",
        flush=True,
    )


def normal_row(value, sd):
    """A value with its error as if it were a posterior."""
    return [value, value, sd, value - sd, value + sd, value - 1.96 * sd, value + 1.96 * sd]


def table(runs, shapes, components):
    """Ours by number of Gaussians, and other ways."""
    for shape in shapes:
        for many in components:
            rows = [posterior(simulate(s, 100, shape), many, s, None) for s in range(1, runs + 1)]
            told(f"{shape}, {many} Gaussians", rows)
        others = {"odr": [], "wls": [], "flat prior": []}
        for seed in range(1, runs + 1):
            data, line = simulate(seed, 100, shape), ba.LinearRelation("y")
            for method in ("odr", "wls"):
                row = line.baseline(method).fit(data).summary().loc["slope[x]"]
                others[method].append(normal_row(row["mean"], row["sd"]))
            others["flat prior"].append(normal_row(*flat(data)))
        for name, rows in others.items():
            told(f"{shape}, {name}", rows)


def _priors(**more):
    """Named changes of the default priors, each a function of the data's spread of x and y."""

    def given(data):
        x, y = data.value.std(axis=0)
        return {name.rstrip("_"): make(x, y) for name, make in more.items()}

    return given


FLAT_SLOPE = _priors(slope=lambda x, y: ba.Prior("Normal", mu=0, sigma=1e3))
WIDE_WIDTH = _priors(predictor_width=lambda x, y: ba.Prior("LogNormal", mu=np.log(x), sigma=3.0))
TRUE_WIDTH = _priors(predictor_width=lambda x, y: ba.Prior("LogNormal", mu=0.0, sigma=0.7))
CERTAIN_WIDTH = _priors(predictor_width=lambda x, y: ba.Prior("LogNormal", mu=0.0, sigma=0.01))
WIDE_SCATTER = _priors(scatter=lambda x, y: ba.Prior("HalfNormal", sigma=10 * y))
TIGHT_SCATTER = _priors(scatter=lambda x, y: ba.Prior("HalfNormal", sigma=0.3 * y))
ALL_WIDE = _priors(
    slope=lambda x, y: ba.Prior("Normal", mu=0, sigma=1e3),
    predictor_width=lambda x, y: ba.Prior("LogNormal", mu=np.log(x), sigma=3.0),
    scatter=lambda x, y: ba.Prior("HalfNormal", sigma=10 * y),
)
CAUSES = {
    "normal, as it is": ("normal", 100, ERROR_X, None),
    "slope flat": ("normal", 100, ERROR_X, FLAT_SLOPE),
    "width wide": ("normal", 100, ERROR_X, WIDE_WIDTH),
    "width about its true value": ("normal", 100, ERROR_X, TRUE_WIDTH),
    "width known": ("normal", 100, ERROR_X, CERTAIN_WIDTH),
    "scatter wide": ("normal", 100, ERROR_X, WIDE_SCATTER),
    "scatter tight": ("normal", 100, ERROR_X, TIGHT_SCATTER),
    "all wide": ("normal", 100, ERROR_X, ALL_WIDE),
    "400 points": ("normal", 400, ERROR_X, None),
    "400 points, uniform": ("uniform", 400, ERROR_X, None),
    "errors 0.2": ("normal", 100, 0.2, None),
    "errors 0.8": ("normal", 100, 0.8, None),
}


def causes(runs):
    """One Gaussian, everything else changed one by one, and how far from the estimate in closed form."""
    for label, (shape, n, error, priors) in CAUSES.items():
        rows, likely = [], []
        for seed in range(1, runs + 1):
            data = points(seed, n, shape, error)
            rows.append(posterior(data, 1, seed, priors))
            (xx, xy), _ = np.cov(data.value.T, bias=True)
            likely.append(xy / (xx - error**2))
        told(label, rows)
        likely = np.array(likely)
        mean, median, sd = np.array(rows).T[:3]
        away = np.array([mean - likely, median - likely]) / sd
        print(
            f"  from the likeliest slope: mean {away[0].mean():+.3f}, median {away[1].mean():+.3f} of each sd "
            f"(+-{away.std() / np.sqrt(runs):.3f}); that itself {np.mean((likely - SLOPE) / sd):+.3f}",
            flush=True,
        )


def estimate(runs):
    """The estimate of largest likelihood, in closed form."""
    rng = np.random.default_rng(1)
    for n in (100, 400):
        for error in (0.2, 0.5, 0.8):
            expected = SLOPE * error**2 * (3 + 2 * error**2) / n
            vx, vy = 1 + error**2, SLOPE**2 + SCATTER**2 + ERROR_Y**2
            sd = np.sqrt((vx * vy + SLOPE**2 - 4 * SLOPE**2 * vx + 2 * (SLOPE * vx) ** 2) / n)
            print(
                f"{n} points, errors {error}: sd {sd:.4f}, expected bias {expected:+.4f} = "
                f"{expected / sd:+.3f} sd",
                flush=True,
            )
            for shape in ("normal", *SHAPES):
                slopes = []
                for _ in range(max(1, runs * n // 2_000_000)):
                    sets = 2_000_000 // n
                    x = predictors(shape, sets * n, rng).reshape(sets, n)
                    y = SLOPE * x + np.hypot(SCATTER, ERROR_Y) * rng.normal(size=x.shape)
                    x = x + error * rng.normal(size=x.shape)
                    x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
                    below = np.mean(x * x, axis=1) - error**2
                    slopes.append(np.mean(x * y, axis=1) / below)
                found = np.concatenate(slopes)
                low, middle, high = np.quantile(found, [0.16, 0.5, 0.84]) - SLOPE
                print(
                    f"  {shape}: mean {found.mean() - SLOPE:+.4f}, median {middle:+.4f} = "
                    f"{(found.mean() - SLOPE) / found.std():+.3f}, {middle / found.std():+.3f} sd of "
                    f"{found.std():.4f}; half of 68% {low:+.4f}, {high:+.4f}",
                    flush=True,
                )


def main():
    """One of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("table", "causes", "estimate"))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parser.add_argument("--components", nargs="+", type=int, default=[1, 3])
    options = parser.parse_args()
    if options.what == "table":
        table(options.runs or 300, options.shapes, options.components)
    elif options.what == "causes":
        causes(options.runs or 300)
    else:
        estimate(options.runs or 200_000)


if __name__ == "__main__":
    main()
