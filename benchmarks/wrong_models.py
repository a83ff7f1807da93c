"""Does the diagnosis see a wrong answer? Data sets from models that are wrong in one known way.

Every task is fitted to simulated data that differ from its model in one way, and to data from the model
itself. An answer is off where a quantity is more than two of its standard deviations from the truth; the
diagnosis has seen it where a check failed, and named it where a check failed or made a note. Of right
models, what fails or notes is a false alarm.

    uv run python benchmarks/wrong_models.py [data sets of each kind, default 40] [task ...]
"""

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import bayes_astro as ba

INFORMATION = ("choice of sampler",)  # notes that say no more than what was done


def walk(rng, time, tau, sigma):
    """A damped random walk."""
    covariance = sigma**2 * np.exp(-np.abs(time[:, None] - time) / tau)
    return np.linalg.cholesky(covariance + 1e-12 * np.eye(len(time))) @ rng.normal(size=len(time))


def noisy(rng, signal, error, way, scatter):
    """Observed values and stated errors, with the faults that any data may have."""
    value = signal + error * rng.normal(size=signal.shape)
    stated = {"errors half": 0.5, "errors twice": 2.0}.get(way, 1.0) * error
    if way == "outliers":
        hit = rng.uniform(size=len(value)) < 0.05
        value = np.where(
            hit[:, None] if value.ndim == 2 else hit,
            value + 8 * scatter * rng.normal(size=value.shape),
            value,
        )
    return value, stated


def periodogram(rng, way):
    time = np.sort(rng.uniform(0, 200, 80))
    error = 0.15 * np.exp(0.3 * rng.normal(size=80))
    period = np.exp(rng.uniform(np.log(2), np.log(20)))
    signal = 0.3 * np.cos(2 * np.pi * time / period + rng.uniform(0, 6))
    if way == "red noise":
        signal = signal * 0.5 + walk(rng, time, 15.0, 0.4)
    if way == "second signal":
        signal = signal + 0.4 * np.cos(2 * np.pi * time / rng.uniform(25, 40))
    if way == "drift":
        signal = signal + 1.5 * (time / 200) ** 2
    value, stated = noisy(rng, signal, error, way, 0.3)
    limits = (2 * period, 60.0) if way == "outside of the range" else (1.0, 60.0)
    model = ba.Periodogram(period=limits)
    return model, ba.Exact(draws=1000), ba.LightCurve(time, value, stated), {"period": period}


def curve(rng, way):
    """A light curve of a damped random walk, or not quite, and its log parameters."""
    time = np.sort(rng.uniform(0, 1000, 120))
    tau, sigma = np.exp(rng.uniform(np.log(10), np.log(30))), 0.3
    error = 0.08 * np.exp(0.3 * rng.normal(size=120))
    signal = walk(rng, time, tau, sigma)
    if way == "second signal":
        signal = signal + 0.5 * np.cos(2 * np.pi * time / 40)
    if way == "drift":
        signal = signal + 2.0 * time / 1000
    value, stated = noisy(rng, signal, error, way, 0.3)
    return ba.LightCurve(time, value, stated), {"tau": tau, "sigma": sigma}


def random_walk(rng, way):
    data, truth = curve(rng, way)
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk(), jitter=False)
    return model, ba.Exact(draws=1000), data, truth


def structure(rng, way):
    data, truth = curve(rng, way)
    truth = {"tau": truth["tau"], "sf_infinity": np.sqrt(2) * truth["sigma"]}
    return ba.StructureFunction(), ba.Exact(draws=1000), data, truth


def density(rng, way):
    n, d = 400, 2
    true = rng.multivariate_normal([0, 1], [[1, 0.6], [0.6, 2]], size=n)
    if way == "second component":
        true[: n // 4] = rng.multivariate_normal([3, -2], 0.2 * np.eye(2), size=n // 4)
    if way == "one sentinel":
        true[7] = 99.0
    error = np.exp(rng.uniform(np.log(0.1), np.log(2), (n, d)))
    value, stated = noisy(rng, true, error, way, 1.5)
    truth = {f"covariance[0, x{i}, x{j}]": c for i, j, c in ((0, 0, 1), (0, 1, 0.6), (1, 1, 2))}
    return ba.ExtremeDeconvolution(1), ba.Laplace(draws=1000), ba.Measurements(value, stated), truth


def line(rng, way):
    n = 120
    x = rng.normal(0, 1, n)
    y = 1 + 2 * x + 0.3 * rng.normal(size=n)
    if way == "curved":
        y = y + 0.8 * x**2 * np.sign(x)
    if way == "truncated":
        keep = y > 0.5
        x, y = x[keep], y[keep]
    true = np.column_stack([x, y])
    error = np.exp(rng.uniform(np.log(0.1), np.log(0.4), true.shape))
    value, stated = noisy(rng, true, error, way, 1.0)
    data = ba.Measurements(value, stated, names=("x", "y"))
    return ba.LinearRelation("y"), ba.Laplace(draws=1000), data, {"slope[x]": 2.0}


FAULTS = ("errors half", "errors twice", "outliers")
TASKS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "Periodogram": (
        periodogram,
        (*FAULTS, "red noise", "second signal", "drift", "outside of the range"),
    ),
    "GaussianProcess": (random_walk, (*FAULTS, "second signal", "drift")),
    "StructureFunction": (structure, (*FAULTS, "second signal", "drift")),
    "ExtremeDeconvolution": (density, (*FAULTS, "second component", "one sentinel")),
    "LinearRelation": (line, (*FAULTS, "curved", "truncated")),
}


def judged(make: Callable, way: str, seed: int) -> tuple[bool, bool, bool, list[str]]:
    """Whether the answer is off, a check failed, one failed or noted; their names."""
    model, sampler, data, truth = make(np.random.default_rng(seed), way)
    model.fit(data, sampler, seed=seed, progress=False)
    table = model.summary()
    off = any(abs(table.loc[k, "mean"] - v) > 2 * table.loc[k, "sd"] for k, v in truth.items())
    if "period" in truth:
        middle, sd = np.log(table.loc["period", "median"]), table.loc["period", "sd"]
        off = abs(middle - np.log(truth["period"])) > 2 * sd / truth["period"] + 1e-9
    checks = [c for c in model.diagnose() if not c.passed and c.name not in INFORMATION]
    failed = any(c.passed is False for c in checks)
    return off, failed, bool(checks), [c.name for c in checks]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rows = []
    for task in sys.argv[2:] or TASKS:
        make, ways = TASKS[task]
        for way in ("right", *ways):
            found = [judged(make, way, seed) for seed in range(count)]
            off = [one for one in found if one[0]]
            names = pd.Series([n for one in found for n in one[3]], dtype=str).value_counts()
            judge = found if way == "right" else off
            rows.append(
                {
                    "task": task,
                    "way": way,
                    "off": len(off),
                    "failed": sum(one[1] for one in judge),
                    "failed or noted": sum(one[2] for one in judge),
                    "of": len(judge),
                    "by": ", ".join(names.index[:3]),
                }
            )
            print(pd.DataFrame(rows[-1:]).to_string(index=False, header=len(rows) == 1), flush=True)
    table = pd.DataFrame(rows)
    wrong, right = table[table.way != "right"], table[table.way == "right"]
    seen = wrong[["failed", "failed or noted", "of"]].sum()
    false = right[["failed", "failed or noted", "of"]].sum()
    for name, total in (("answers off: seen", seen), ("right models: false alarms", false)):
        share = total / total["of"]
        print(f"{name}: failed {share['failed']:.0%}, named {share['failed or noted']:.0%}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
