"""A line with errors on both axes: effective draws per CPU second, and the bias of the slope.

    python benchmarks/linear_relation.py [--json] [--quick]

Speed: the worst effective sample size of slope, intercept and ln scatter per CPU second of sampling
(compiling apart, stated), for ba.LinearRelation with NUTS and emcee, against hyperfit's emcee (a
flat prior on the true x) and against linmix (Kelly 2007) where that is installed:
`pip install git+https://github.com/jmeyers314/linmix`; it is on no package index.

Bias: 100 simulated data sets (N = 100, slope 1.5, scatter 0.5, errors 0.5 of the spread in x and
0.3 in y), posterior mean against orthogonal distance regression, weighted least squares and BCES.
The bias is given in units of the scatter of the estimates, with the share of 68% intervals that
hold the truth.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import contextlib
import importlib.util
import io
import json
import time

import numpy as np
from arviz_stats.base import array_stats

import bayes_astro as ba

SLOPE, INTERCEPT, SCATTER = 1.5, 1.0, 0.5


def simulate(seed, n=100):
    """Points about the line, errors in both axes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    y = INTERCEPT + SLOPE * x + rng.normal(0, SCATTER, n)
    error = np.column_stack([np.full(n, 0.5), np.full(n, 0.3)])
    value = np.column_stack([x, y]) + error * rng.normal(size=(n, 2))
    return ba.Measurements(value, error, names=("x", "y"))


def worst(columns):
    """Smallest bulk ESS of (chain, draw) columns."""
    return min(float(array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk")) for x in columns)


def ours(data, sampler):
    """ESS per CPU second of sampling, and the CPU seconds of compiling."""
    model = ba.LinearRelation("y")
    compiled = sampler.compile(model, data, model.resolve_priors(data))
    before = time.process_time()
    sampler.sample(compiled, data, 1)  # compiles, or loads from the cache
    first = time.process_time() - before
    before = time.process_time()
    posterior = sampler.sample(compiled, data, 2)["posterior"]
    spent = time.process_time() - before
    columns = [posterior["slope"].values[..., 0], posterior["intercept"].values]
    columns.append(np.log(posterior["scatter"].values))
    return worst(columns) / spent, first - spent


def hyperfit_rate(data):
    """Its own emcee run, which stops when it thinks that it has converged."""
    from hyperfit.linfit import LinFit

    covariance = np.ascontiguousarray(data.covariance.transpose(1, 2, 0))
    fit = LinFit(data.value.T.copy(), covariance)
    bounds = [[-5.0, 5.0], [-5.0, 5.0], [1e-5, 5.0]]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        before = time.process_time()
        samples, _ = fit.emcee(bounds, verbose=False)
        spent = time.process_time() - before
    # Flattened step by step over its 4 x 3 walkers: each walker is a chain here, or its neighbours
    # would pass for independent draws.
    walkers = np.asarray(samples).reshape(3, -1, 12).transpose(0, 2, 1)
    return worst([walkers[0], walkers[1], np.log(np.abs(walkers[2]))]) / spent


def linmix_rate(data):
    """Kelly's sampler with three Gaussians, two chains in this process."""
    import linmix

    x, y = data.value.T
    sx, sy = data.error.T
    fit = linmix.LinMix(x, y, sx, sy, nchains=2, parallelize=False, seed=1)
    with contextlib.redirect_stdout(io.StringIO()):
        before = time.process_time()
        fit.run_mcmc(miniter=5000, maxiter=5000, silent=True)
        spent = time.process_time() - before
    half = len(fit.chain) // 2
    columns = [fit.chain["beta"], fit.chain["alpha"], 0.5 * np.log(fit.chain["sigsqr"])]
    return worst([column[: 2 * half].reshape(2, half) for column in columns]) / spent


def bias(runs):
    """Slopes of every estimator over simulated data sets."""
    design = simulate(0)
    model = ba.LinearRelation("y")
    sampler = ba.NUTS(draws=400, tune=400, chains=1)
    compiled = sampler.compile(model, design, model.resolve_priors(design))
    found = {"bayes_astro": [], "odr": [], "wls": []}
    if importlib.util.find_spec("bces"):
        from bces import bces

        found["bces (y given x)"] = []
    for seed in range(1, runs + 1):
        data = simulate(seed)
        slope = sampler.sample(compiled, data, seed)["posterior"]["slope"].values
        found["bayes_astro"].append((slope.mean(), slope.std()))
        for method in ("odr", "wls"):
            row = model.baseline(method).fit(data).summary().loc["slope[x]"]
            found[method].append((row["mean"], row["sd"]))
        if "bces (y given x)" in found:
            x, y = data.value.T
            a, _, sd, *_ = bces.bces(x, data.error[:, 0], y, data.error[:, 1], np.zeros(len(x)))
            found["bces (y given x)"].append((a[0], sd[0]))
    result = {}
    for name, rows in found.items():
        value, sd = np.array(rows).T
        result[name] = {
            "bias": float(value.mean() - SLOPE),
            "bias_in_sd": float((value.mean() - SLOPE) / value.std()),
            "coverage_68": float(np.mean(np.abs(value - SLOPE) < sd)),
        }
    return result


def main():
    """Measure in turn in this process and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    data = simulate(1, n=50)
    speed = {}
    for name, sampler in (
        ("NUTS", ba.NUTS(draws=500 if options.quick else 2000, tune=500)),
        ("emcee", ba.Emcee(steps=1000 if options.quick else 5000, tune=500)),
    ):
        rate, compiling = ours(data, sampler)
        speed[f"bayes_astro {name}"] = {"ess_per_cpu_s": rate, "compile_cpu_s": compiling}
    for name, measure in (("hyperfit", hyperfit_rate), ("linmix", linmix_rate)):
        if importlib.util.find_spec(name) is None:
            speed[name] = {
                "missing": "uv sync --group benchmark"
                if name == "hyperfit"
                else "pip install git+https://github.com/jmeyers314/linmix"
            }
        elif not (options.quick and name == "linmix"):
            speed[name] = {"ess_per_cpu_s": measure(data)}
    result = {"speed": speed, "bias": bias(20 if options.quick else 100)}
    if options.json:
        print(json.dumps(result))
        return
    best = speed["bayes_astro NUTS"]["ess_per_cpu_s"]
    for name, row in speed.items():
        if "missing" in row:
            print(f"{name}: not installed; {row['missing']}")
            continue
        note = f", compiling {row['compile_cpu_s']:.1f} s" if "compile_cpu_s" in row else ""
        rate = row["ess_per_cpu_s"]
        print(
            f"{name}: {rate:.0f} effective draws per CPU s (NUTS / this: {best / rate:.2f}){note}"
        )
    for name, row in result["bias"].items():
        print(
            f"{name}: slope off by {row['bias']:+.3f} ({row['bias_in_sd']:+.2f} sd), "
            f"68% interval holds the truth in {100 * row['coverage_68']:.0f}%"
        )


if __name__ == "__main__":
    main()
