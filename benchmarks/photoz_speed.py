"""Photometric redshifts: objects a second, memory on a stream, training time, and draws of N(z).

    python benchmarks/photoz_speed.py [PART ...] [--json] [--quick]

Parts: mixture (summaries and densities of XDPhotoZ beside the baselines), stream (ten million objects
in chunks: memory), training, templates (beside the same likelihood in plain NumPy) and nz (effective
draws a CPU second beside the same model in plain PyTensor, 1e5 objects in 30 bins). One thread; galaxies
of the SDSS main sample, repeated. Packages of others are timed by `peers_photoz.py`.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd

import bayes_astro as ba
from bayes_astro import baselines

GALAXIES = ba.load("sdss-galaxies")
TRAIN, TEST = GALAXIES[:5000], GALAXIES[5000:]
GRID = np.linspace(0.001, 0.4, 300)
QUICK_MAP = ba.MAP(restarts=1, moves=0, max_steps=30)


def per_second(task, size):
    """Objects a CPU second of a task on so many, after a first run: the better of two."""
    task()
    seconds = []
    for _ in range(2):
        start = time.process_time()
        task()
        seconds.append(time.process_time() - start)
    return size / min(seconds)


def mixture(quick):
    """Summaries and densities on 300 redshifts, of mixtures and of baselines."""
    rows = {}
    many = TEST[np.resize(np.arange(len(TEST)), 5000 if quick else 50_000)]
    for fits, components in ((1, 40), (1, 80), (4, 40)):
        model = ba.XDPhotoZ(components, n_fits=fits, error_scale="published")
        model.fit(TRAIN, QUICK_MAP, seed=1, progress=False)
        rows[f"XDPhotoZ, {fits} x K = {components}"] = {
            "summaries": per_second(lambda m=model: m.summary(many), len(many)),
            "grid of 300": per_second(lambda m=model: m.pdf(many[:5000], GRID), 5000),
        }
    few = TEST[:2000]
    for model in (baselines.RandomForest(), baselines.NearestNeighbours()):
        model.fit(TRAIN)
        rows[type(model).__name__] = {
            "summaries": per_second(lambda m=model: m.summary(few), len(few)),
            "grid of 300": per_second(lambda m=model: m.pdf(few, GRID), len(few)),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    for column in ("summaries", "grid of 300"):
        table[f"{column}, XDPhotoZ K = 40 is faster by"] = table[column].iloc[0] / table[column]
    return table


def stream(quick):
    """Peak memory of a process that summarises objects in chunks of 100,000."""
    model = ba.XDPhotoZ(40, n_fits=1, error_scale="published")
    model.fit(TRAIN, QUICK_MAP, seed=1, progress=False)
    chunk = TEST[np.resize(np.arange(len(TEST)), 100_000)]
    rows, start, total = {}, time.process_time(), 0.0
    for i in range(10 if quick else 100):
        total += float(model.summary(chunk)["mean"].sum())
        if i in (0, 1, 9, 49, 99):
            rows[f"after {(i + 1) * len(chunk):,} objects"] = {
                "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "objects a CPU second": (i + 1) * len(chunk) / (time.process_time() - start),
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def training(quick):
    """CPU seconds of one fit."""
    rows = {}
    for n in (10_000,) if quick else (10_000, 100_000):
        rng = np.random.default_rng(0)
        data = GALAXIES[rng.integers(10_000, size=n)]
        data = data.replace(flux=data.flux + 0.3 * data.error * rng.normal(size=data.flux.shape))
        for components in (40, 80):
            model = ba.XDPhotoZ(components, n_fits=1, error_scale="published")
            start = time.process_time()
            model.fit(data, seed=1, progress=False)
            rows[f"n = {n}, K = {components}"] = {"CPU seconds": time.process_time() - start}
    return pd.DataFrame.from_dict(rows, orient="index")


def in_numpy(grid, data, table):
    """Probabilities of redshift bins by templates, the amplitude integrated out, a few rows at a time."""
    from scipy.special import log_ndtr

    flux, precision = np.nan_to_num(data.flux), 1 / grid.variance(data)
    prior = np.log(table)[grid.magnitude.bins(data)]
    squares = grid.model**2
    found = np.empty((len(data), grid.model.shape[2]))
    for first in range(0, len(data), 50):
        part = slice(first, first + 50)
        tt = np.einsum("nb,tbj->ntj", precision[part], squares)
        ot = np.einsum("nb,tbj->ntj", precision[part] * flux[part], grid.model)
        x = ot / np.sqrt(tt)
        value = 0.5 * x**2 + log_ndtr(x) - 0.5 * np.log(tt) + prior[part]
        value = np.exp(value - value.max(axis=(1, 2), keepdims=True)).sum(axis=1)
        found[part] = value / value.sum(axis=1, keepdims=True)
    return found


def templates(quick):
    """Objects a second: all templates and redshifts, ours and in NumPy."""
    model = ba.TemplatePhotoZ(filters="sdss", correction=None, template_error=0.05)
    model.fit(TRAIN[:1000], ba.NUTS(draws=50, tune=100, chains=2), seed=1, progress=False)
    data = TEST[: 300 if quick else 1000]
    grid = model.grid(data)
    table = np.maximum(grid.prior_table(model.posterior["posterior"].to_dataset()), 1e-300)
    ours = grid.posterior(data, table)[0]
    np.testing.assert_allclose(ours, in_numpy(grid, data, table), atol=1e-6)
    rows = {
        "TemplatePhotoZ, likelihood": per_second(lambda: grid.posterior(data, table), len(data)),
        "plain NumPy": per_second(lambda: in_numpy(grid, data, table), len(data)),
        "TemplatePhotoZ, summaries": per_second(lambda: model.summary(data), len(data)),
    }
    frame = pd.DataFrame({"objects a second": rows})
    frame["against NumPy"] = frame["objects a second"] / rows["plain NumPy"]
    return frame.assign(types=grid.model.shape[0], bins=grid.model.shape[2])


def nz(quick):
    """Effective draws of the fractions a CPU second, the slowest of them; sampling alone and all."""
    import pymc as pm
    import pytensor.tensor as pt
    from arviz_stats import ess
    from scipy.stats import norm

    bins, n = 30, 10_000 if quick else 100_000
    edges = np.linspace(0, 3, bins + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    rng = np.random.default_rng(1)
    z = rng.gamma(3.0, 0.3, n) % 3
    seen = z + 0.1 * (1 + z) * rng.normal(size=n)
    data = ba.BinnedRedshifts(
        norm.pdf(seen[:, None], middle, 0.1 * (1 + middle)) + 1e-9, edges, np.ones(bins)
    )
    sampler = ba.NUTS(draws=200, tune=200, chains=2, target_accept=0.9)
    rows = {}

    def slowest(tree):
        return float(ess(tree, var_names=["fraction"])["fraction"].min())

    start = time.process_time()
    model = ba.PopulationNz().fit(data, sampler, seed=1, progress=False)
    whole = time.process_time() - start
    rows["PopulationNz"] = {"effective": slowest(model.posterior), "CPU seconds": whole}

    ratio = model.problem(data, model.resolve_priors(data)).ratio
    start = time.process_time()
    with pm.Model(coords={"bin": range(bins)}):
        step = pm.LogNormal("step", -0.7, 0.6)
        jump = pm.Normal("jump", 0.0, 1.0, shape=bins - 1)
        phi = pt.concatenate([pt.zeros(1), step * pt.cumsum(jump)])
        fraction = pm.Deterministic("fraction", pm.math.softmax(phi), dims="bin")
        pm.Potential("objects", pt.sum(pt.log(pt.dot(ratio, fraction))))
        tree = pm.sample(
            draws=200, tune=200, chains=2, cores=1, nuts_sampler="pymc", random_seed=1,
            target_accept=0.9, progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
    rows["plain PyTensor"] = {
        "effective": slowest(tree),
        "CPU seconds": time.process_time() - start,
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["effective a CPU second"] = table["effective"] / table["CPU seconds"]
    table["ratio"] = table["effective a CPU second"] / table["effective a CPU second"].iloc[1]
    return table


PARTS = {
    "mixture": mixture, "stream": stream, "training": training, "templates": templates, "nz": nz,
}  # fmt: skip


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        if name not in PARTS:
            parser.error(f"{name}: not one of {', '.join(PARTS)}")
        table = PARTS[name](options.quick)
        if options.json:
            print(json.dumps({name: table.to_dict("index")}), flush=True)
        else:
            print(f"\n{name}\n{table.to_string(float_format=lambda x: f'{x:.4g}')}", flush=True)


if __name__ == "__main__":
    main()
