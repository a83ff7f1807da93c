"""Does the diagnosis see a wrong answer? Data sets from models that are wrong in one known way.

Every task is fitted to simulated data that differ from its model in one way, and to data from the model
itself. An answer is off where a quantity is more than two of its standard deviations from the truth; of
redshifts, where 68% and 95% intervals of 2000 objects that did not train hold 6 or 3 per cent more or less
than that. The diagnosis has seen it where a check failed, or the data were refused, and named it where a
check failed or made a note. Of right models, what fails or notes is a false alarm.

    uv run python benchmarks/wrong_models.py [data sets of each kind, default 40] [task ...]
"""

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import bayes_astro as ba

INFORMATION = (
    "choice of sampler",
    "R-hat",
    "ESS (bulk)",
    "ESS (tail)",
)  # notes that say no more than what was done


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
    if way == "repeated":
        time, value, stated = (np.repeat(x, 2) for x in (time, value, stated))
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
    tau = ba.Prior("LogNormal", mu=np.log(300.0), sigma=0.3) if way == AGAINST else None
    model = ba.GaussianProcess(ba.kernels.DampedRandomWalk(tau=tau), jitter=False)
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
    if way == "repeated":
        value[: n // 10] = 0.0
    if way == "collinear":
        value = np.column_stack([value, value @ [1, -1]])
        stated = np.column_stack([stated, stated[:, 0]])
    priors = {"mean": ba.Prior("Normal", mu=[5.0, 5.0], sigma=0.3)} if way == AGAINST else None
    truth = {f"covariance[0, x{i}, x{j}]": c for i, j, c in ((0, 0, 1), (0, 1, 0.6), (1, 1, 2))}
    model = ba.ExtremeDeconvolution(1, priors=priors)
    return model, ba.Laplace(draws=1000), ba.Measurements(value, stated), truth


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
    names = ("x", "y")
    if way == "collinear":
        value = np.column_stack([value, value[:, 0] - 1])
        stated, names = np.column_stack([stated, stated[:, 0]]), ("x", "y", "x2")
    data = ba.Measurements(value, stated, names=names)
    priors = {"slope": ba.Prior("Normal", mu=0.0, sigma=0.2)} if way == AGAINST else None
    return ba.LinearRelation("y", priors=priors), ba.Laplace(draws=1000), data, {"slope[x]": 2.0}


def rates(rng, way):
    """Counts of 60 fields behind known backgrounds, with rates of a Gamma distribution."""
    exposure, background = rng.uniform(1, 6, 60), rng.uniform(0.5, 2, 60)
    rate = rng.gamma(4.0, 0.5, 60)
    if way == "second population":
        rate[:20] = 0.05
    if way == "outliers":
        rate[:3] = 25.0
    seen = {"errors half": 0.5, "errors twice": 2.0}.get(way, 1.0) * background
    counts = rng.poisson(exposure * (rate + background))
    priors = {"mean_rate": ba.Prior("LogNormal", mu=np.log(20.0), sigma=0.2)}
    model = ba.PoissonRate(priors=priors if way == AGAINST else None)
    data = ba.Counts(counts, exposure, background=exposure * seen)
    return model, ba.Laplace(draws=1000), data, {"mean_rate": float(rate.mean())}


def galaxies(rng, n, way):
    """Five bands of objects of two kinds; what tells the redshift."""
    z = np.expm1(0.2 * rng.gamma(4.0, 0.5, n))
    t, kind, bright = np.log1p(z), rng.uniform(size=n) < 0.4, rng.normal(20, 1, n)
    slopes = np.where(kind[:, None], [2.5, 1.2, 0.4, 0.1, 0.0], [0.8, 1.0, 0.5, 0.2, 0.0])
    true = (
        bright[:, None]
        + slopes * t[:, None]
        + np.where(kind, 0.6, 0.0)[:, None] * [1, 0.5, 0, 0, 0]
    )
    true = true + 0.05 * rng.normal(size=true.shape)
    error = np.exp(rng.uniform(np.log(0.02), np.log(0.15), true.shape))
    value, stated = noisy(rng, true, error, way, 0.5)
    if way == "repeated":
        z = np.where(rng.uniform(size=n) < 0.1, 0.0, z)
    return ba.Photometry.from_magnitudes(value, stated, bands=tuple("ugriz"), redshift=z)


def photoz(rng, way):
    data = galaxies(rng, 250 if way == "few objects" else 1200, way)
    clean = way if way.startswith("errors") else "right"
    model = ba.XDPhotoZ(6, error_scale="published")
    return model, ba.MAP(restarts=2, moves=0), data, galaxies(rng, 2000, clean)


def spectra(heights):
    """Three power laws with breaks at 4000 Angstrom."""
    wavelength = np.linspace(1000, 20000, 400)
    flux = [
        (wavelength / 5000) ** slope * np.where(wavelength < 4000, height, 1.0)
        for slope, height in zip((0.5, -0.5, -1.8), heights, strict=True)
    ]
    return ba.Templates(wavelength, flux, ("red", "green", "blue"))


def templates(rng, way):
    settings = {"between": 0, "z_max": 1.5, "step": 0.01, "reference": "i", "igm": False}
    right = spectra((0.25, 0.5, 0.85))
    model = ba.TemplatePhotoZ(templates=right, template_error=0.02, correction=None, **settings)
    true = spectra((0.45, 0.9, 0.5)) if way == "wrong template" else right
    truth = ba.TemplatePhotoZ(templates=true, template_error=0.02, correction=None, **settings)
    n = 1900
    flux = 10 ** (-0.4 * rng.uniform(-2, 1, n))[:, None] * np.ones(6)
    design = ba.Photometry(flux, 0.05 * flux, tuple("ugrizy"), rng.uniform(0.05, 1.4, n))
    data, _ = truth.simulate(design, seed=int(rng.integers(2**31)))
    scale = {"errors half": 0.5, "errors twice": 2.0}.get(way, 1.0)
    value = data.flux.copy()
    if way == "wrong band":
        value[:, 2] *= 1.2
    if way == "outliers":
        value = np.where(rng.uniform(size=value.shape) < 0.05, 2 * value, value)
    data = data.replace(flux=value, error=scale * data.error)
    return model, ba.NUTS(draws=300, tune=300, chains=2), data[:400], data[400:]


AGAINST = "prior against data"
FAULTS = ("errors half", "errors twice", "outliers")
TASKS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "Periodogram": (
        periodogram,
        (*FAULTS, "red noise", "second signal", "drift", "outside of the range", "repeated"),
    ),
    "GaussianProcess": (random_walk, (*FAULTS, "second signal", "drift", AGAINST)),
    "StructureFunction": (structure, (*FAULTS, "second signal", "drift")),
    "ExtremeDeconvolution": (
        density,
        (*FAULTS, "second component", "one sentinel", "repeated", "collinear", AGAINST),
    ),
    "LinearRelation": (line, (*FAULTS, "curved", "truncated", "collinear", AGAINST)),
    "PoissonRate": (rates, (*FAULTS, "second population", AGAINST)),
    "TemplatePhotoZ": (templates, (*FAULTS, "wrong template", "wrong band")),
    "XDPhotoZ": (photoz, (*FAULTS, "repeated", "few objects")),
}


def is_off(model, truth) -> bool:
    """Whether the answer is wrong."""
    if isinstance(truth, ba.Photometry):
        scores = model.scores(truth)
        return any(
            abs(scores[f"coverage_{level}"] - level / 100) > most
            for level, most in ((68, 0.06), (95, 0.03))
        )
    table = model.summary()
    if "period" in truth:
        middle, sd = np.log(table.loc["period", "median"]), table.loc["period", "sd"]
        return abs(middle - np.log(truth["period"])) > 2 * sd / truth["period"] + 1e-9
    return any(abs(table.loc[k, "mean"] - v) > 2 * table.loc[k, "sd"] for k, v in truth.items())


def judged(make: Callable, way: str, seed: int) -> tuple[bool, bool, bool, list[str]]:
    """Whether the answer is off, a check failed, one failed or noted; their names."""
    try:
        model, sampler, data, truth = make(np.random.default_rng(seed), way)
        model.fit(data, sampler, seed=seed, progress=False)
    except ValueError:
        return True, True, True, ["refused"]
    checks = [c for c in model.diagnose() if not c.passed and c.name not in INFORMATION]
    failed = any(c.passed is False for c in checks)
    return is_off(model, truth), failed, bool(checks), [c.name for c in checks]


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
