"""Extreme deconvolution: cost of an EM iteration beside other packages, acceleration, memory, NUTS.

    python benchmarks/extreme_deconvolution.py [--json] [--quick] [--only PART ...]

- ``iteration``: nanoseconds of CPU per point, component and iteration from one start, one thread
  each, in turn: ours with full and with diagonal errors; astroML, pygmmis and scikit-learn (which
  ignores the errors) as `peers_mixture.py` runs them. Then wall time of ours on one and two threads.
- ``acceleration``: passes and CPU seconds until the held-out log-likelihood per point is within
  0.0001 of the best that either reaches, SQUAREM against plain EM.
- ``million``: one million points, D = 6, K = 20: the largest memory of a process of its own over
  the bytes of the measurements, and the time of an iteration.
- ``nuts``: effective draws per CPU second of label-free quantities, N = 300, K = 2, D = 2: our model
  against the same one with its likelihood written in PyTensor, under PyMC's sampler and nutpie's.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import importlib.util
import json
import logging
import resource
import subprocess
import sys
import time

import numpy as np
from peers_mixture import ASTROML_POINTS, CASES, installed, nanoseconds, problem

import bayes_astro as ba
from bayes_astro.density import inputs
from bayes_astro.likelihoods.mixture import statistics
from bayes_astro.likelihoods.mixture_blocks import lay_out
from bayes_astro.mixtures.coordinates import Parameters
from bayes_astro.mixtures.expectation import Deconvolution, Regularised, begin, climb, step


def prepared(x, s, state, threads=1):
    """Our problem at a start, in the coordinates of the data: maximum likelihood."""
    d = x.shape[1]
    points = lay_out(x, s, shift=np.zeros(d), scale=np.ones(d))
    layout = inputs.layout(None, len(state[0]), np.zeros(d), np.ones(d), None)
    return Deconvolution(points, layout, Regularised(np.zeros(d)), threads), Parameters(*state)


def iterate(task, parameters, steps):
    """CPU and wall seconds of some EM iterations."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(steps):
        parameters = step(task, parameters, task.statistics(parameters))
    return time.process_time() - cpu, time.perf_counter() - wall


def ours(x, s, state, steps, turns):
    """Nanoseconds of CPU: the least of some turns after a warm one."""
    task, start = prepared(x, s, state)
    iterate(*prepared(x[:100], s[:100], state), 1)
    least = min(iterate(task, start, steps)[0] for _ in range(turns))
    return 1e9 * least / (len(x) * len(state[0]) * steps)


def iteration(quick):
    """Rows of nanoseconds, peers and us in turn."""
    rows = []
    for n, d, k in CASES[:2] if quick else CASES:
        x, full, state = problem(min(n, 10_000) if quick else n, d, k)
        diagonal = full * np.eye(d)
        steps, turns = max(2, int(4e6 / (len(x) * k))), 3 if quick else 5
        row = {"n": len(x), "d": d, "k": k}
        row["ours, full"] = ours(x, full, state, steps, turns)
        for name, peer in installed().items():
            keep = min(ASTROML_POINTS, len(x)) if name == "astroML" else len(x)
            some = 1 if name == "astroML" else 2
            turns_of = 1 if name == "astroML" or quick else 2
            row[name] = nanoseconds(peer, x[:keep], full[:keep], state, some, turns_of)
        row["ours, diagonal"] = ours(x, diagonal, state, steps, turns)
        # Again at the end: a machine that has changed meanwhile would show.
        row["ours, full"] = min(row["ours, full"], ours(x, full, state, steps, turns))
        walls = {1: np.inf, 2: np.inf}
        for _ in range(2 * turns):
            for threads in walls:
                task, start = prepared(x, full, state, threads)
                walls[threads] = min(walls[threads], iterate(task, start, steps)[1])
        row["two threads"] = walls[1] / walls[2]
        rows.append(row)
    return rows


def noisy(n, d, k, seed):
    """Points whose noise is as large as their populations are wide."""
    x, s, state = problem(n, d, k, seed)
    rng = np.random.default_rng(seed + 100)
    more = 2.0 * s
    x = x + np.einsum("nij,nj->ni", np.linalg.cholesky(more), rng.normal(size=x.shape))
    # A start that knows nothing: some points, and the covariance of all of them.
    state = np.full(k, 1 / k), x[:k].copy(), np.repeat(np.cov(x.T)[None], k, axis=0)
    return x, s + more, state


def track(task, start, test, max_steps, accelerate):
    """Passes, CPU seconds and held-out log-likelihood per point after every cycle of a climb."""
    found, spent = [], 0.0
    before = time.process_time()

    def report(run):
        nonlocal spent, before
        spent += time.process_time() - before
        p = run.parameters
        held_out = statistics(test, p.weight, p.mean, p.covariance, moments=False)
        found.append((run.steps, spent, held_out.log_likelihood / test.n))
        before = time.process_time()
        return False

    climb(task, start, tolerance=1e-2, max_steps=max_steps, accelerate=accelerate, report=report)
    return np.array(found)


def acceleration(quick):
    """Passes and CPU seconds to one held-out log-likelihood."""
    rows = []
    for seed in range(1, 3 if quick else 6):
        n, d, k = (4_000, 2, 3) if quick else (10_000, 3, 6)
        x, s, state = noisy(2 * n, d, k, seed)
        task, start = prepared(x[:n], s[:n], state)
        test = lay_out(x[n:], s[n:], shift=np.zeros(d), scale=np.ones(d))
        most = 600 if quick else 4000
        tracks = {
            "plain": track(task, start, test, most, False),
            "squarem": track(task, start, test, most, True),
        }
        goal = min(found[:, 2].max() for found in tracks.values()) - 1e-4
        row = {"seed": seed, "held_out": goal}
        for name, found in tracks.items():
            first = found[np.argmax(found[:, 2] >= goal)]
            row[f"{name} passes"], row[f"{name} cpu_s"] = int(first[0]), float(first[1])
        rows.append(row)
    return rows


def million(n=1_000_000, d=6, k=20):
    """In a process of its own: memory over the input, time of an iteration."""
    rng = np.random.default_rng(1)
    value = rng.normal(size=(n, d))
    covariance = np.broadcast_to(0.1 * np.eye(d), (n, d, d)).copy()
    covariance[:, 0, 1] = covariance[:, 1, 0] = 0.02 * rng.uniform(-1, 1, n)
    data = ba.Measurements(value, covariance=covariance)
    size = data.value.nbytes + data.covariance.nbytes + data.error.nbytes
    del value, covariance
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = ba.ExtremeDeconvolution(k, regularization=0.01)
    task = model.deconvolution(data, {}, 1)
    start = Parameters(
        np.full(k, 1 / k), rng.normal(size=(k, d)), np.repeat(np.eye(d)[None], k, axis=0)
    )
    run = begin(task, start)
    cpu, wall = iterate(task, run.parameters, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "n": n,
        "input_MB": size / 1e6,
        "peak_MB": peak * unit / 1e6,
        "peak_of_making_the_input_MB": made * unit / 1e6,
        "blocks_MB": task.points.table.nbytes / 1e6,
        "peak_over_input": peak * unit / size,
        "cpu_s_per_iteration": cpu / 2,
        "wall_s_per_iteration": wall / 2,
    }


def alone(quick):
    """`million` in a new process, whose memory is nothing else's."""
    n = 100_000 if quick else 1_000_000
    code = f"import extreme_deconvolution as e, json; print(json.dumps(e.million({n})))"
    folder = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def plain_model(model, data):
    """The same densities as `ExtremeDeconvolution.build`, all of it in PyTensor."""
    import pymc as pm
    import pytensor.tensor as pt

    priors = model.resolve_priors(data)
    shift, scale = model.frame(data, priors)
    prior = model.deconvolution(data, priors).prior
    d, k = data.d, model.components
    x = (data.value - shift) / scale
    noise = data.covariance / np.outer(scale, scale)
    rows, columns = np.tril_indices(d)
    diagonal = np.flatnonzero(rows == columns)
    with pm.Model() as story:
        share = pm.Dirichlet("share", np.full(k, prior.alpha))
        mean = pm.Normal("free_mean", prior.mean, prior.sd, shape=(k, d))
        entries = pm.Flat("log_cholesky", shape=(k, len(rows)))
        values = pt.set_subtensor(entries[:, diagonal], pt.exp(entries[:, diagonal]))
        factor = pt.set_subtensor(pt.zeros((k, d, d))[:, rows, columns], values)
        covariance = pt.matmul(factor, factor.mT)
        power = (d - np.arange(d) + 1) - (prior.nu + d + 1)
        trace = pt.sum(pt.linalg.inv(covariance) * prior.psi)
        pm.Potential("prior", pt.sum(power * entries[:, diagonal]) - 0.5 * trace)
        # Two dimensions: the inverse and the determinant by hand, the quickest that PyTensor has.
        total = covariance[None] + noise[:, None]
        a, b, c = total[..., 0, 0], total[..., 0, 1], total[..., 1, 1]
        det = a * c - b**2
        u, v = (x[:, None, j] - mean[None, :, j] for j in range(2))
        square = (c * u**2 - 2 * b * u * v + a * v**2) / det
        each = pt.log(share) - 0.5 * (square + pt.log(det)) - np.log(2 * np.pi)
        pm.Potential("likelihood", pt.sum(pt.logsumexp(each, axis=1)))
    return story


def two_populations(n=300, seed=1):
    """Populations that overlap, noise half as wide as they are."""
    rng = np.random.default_rng(seed)
    centre = np.array([[-1.5, -1.0], [1.5, 1.0]])[(rng.random(n) < 0.6).astype(int)]
    factor = 0.5 * (0.3 * rng.normal(size=(n, 2, 2)) + np.eye(2))
    covariance = factor @ factor.swapaxes(1, 2)
    value = (
        centre + rng.normal(size=(n, 2)) + np.einsum("nij,nj->ni", factor, rng.normal(size=(n, 2)))
    )
    return ba.Measurements(value, covariance=covariance)


def label_free(share, mean, factor):
    """Total mean and log determinant of the total covariance and entropy of weights: (chain, draw)."""
    covariance = factor @ np.swapaxes(factor, -1, -2)
    middle = np.einsum("csk,cski->csi", share, mean)
    off = mean - middle[:, :, None]
    total = np.einsum("csk,cskij->csij", share, covariance)
    total += np.einsum("csk,cski,cskj->csij", share, off, off)
    entropy = -np.sum(share * np.log(share), axis=2)
    return [middle[..., 0], middle[..., 1], np.linalg.slogdet(total)[1], entropy]


def rate(story, layout, start, draws, tune, nutpie):
    """The least effective sample size of what is free of labels, per CPU second."""
    import warnings

    import pymc as pm
    from arviz_stats.base import array_stats

    def run(draws, tune, seed):
        if nutpie:
            import nutpie as sampler

            # Compiled once: what is timed is the sampling.
            if "compiled" not in kept:
                kept["compiled"] = sampler.compile_pymc_model(story, backend="numba")
            return sampler.sample(
                kept["compiled"], draws=draws, tune=tune, chains=2, cores=1, seed=seed,
                progress_bar=False, save_warmup=False,
            )  # fmt: skip
        with story:
            return pm.sample(
                draws, tune=tune, chains=2, cores=1, random_seed=seed, progressbar=False,
                initvals=[start, start], compute_convergence_checks=False,
                nuts_sampler="pymc",
            )  # fmt: skip

    kept = {}
    logging.getLogger("pymc").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = time.process_time()
        run(5, 5, 1)
        compiling = time.process_time() - before
        before = time.process_time()
        posterior = run(draws, tune, 2)["posterior"]
        spent = time.process_time() - before
    factor = layout.factors(posterior["log_cholesky"].values)
    columns = label_free(posterior["share"].values, posterior["free_mean"].values, factor)
    least = min(
        float(array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk")) for x in columns
    )
    return {"ess_per_cpu_s": least / spent, "cpu_s": spent, "first_cpu_s": compiling}


def nuts(quick):
    """Both likelihoods under both samplers."""
    data = two_populations()
    model = ba.ExtremeDeconvolution(2)
    priors = model.resolve_priors(data)
    layout = model.deconvolution(data, priors).layout
    start = {
        name: values[0]
        for name, values in model.starts(data, priors, 1, np.random.default_rng(1)).items()
    }
    stories = {"ours": model.build(data), "plain PyTensor": plain_model(model, data)}
    point = stories["ours"].initial_point()
    by = [
        float(story.compile_logp()(point)) - float(story.compile_logp()(moved(point)))
        for story in stories.values()
    ]
    assert abs(by[0] - by[1]) < 1e-6, "the two are different densities"
    samplers = ["pymc"] if quick else ["pymc", "nutpie"]
    if importlib.util.find_spec("nutpie") is None:
        samplers = ["pymc"]
    draws, tune = (150, 150) if quick else (1000, 500)
    return [
        {"model": name, "sampler": sampler}
        | rate(story, layout, start, draws, tune, sampler == "nutpie")
        for sampler in samplers
        for name, story in stories.items()
    ]


def moved(point):
    """Another point: constants drop out of the difference."""
    return {name: value + 0.1 for name, value in point.items()}


PARTS = {"iteration": iteration, "acceleration": acceleration, "million": alone, "nuts": nuts}


def show(part, found):
    """Lines with ratios."""
    if part == "iteration":
        for row in found:
            print("{n} points, D = {d}, K = {k}:".format(**row))
            for name, ns in row.items():
                if name not in ("n", "d", "k", "two threads"):
                    ratio = ns / row["ours, full"]
                    print(f"  {name:<15} {ns:9.1f} ns, {ratio:7.1f} times ours with full errors")
            print(f"  two threads     {row['two threads']:9.2f} times as fast as one, wall time")
    elif part == "acceleration":
        for row in found:
            passes = row["plain passes"] / row["squarem passes"]
            seconds = row["plain cpu_s"] / row["squarem cpu_s"]
            print(
                f"to {row['held_out']:.4f} held out: SQUAREM {row['squarem passes']} passes, plain EM "
                f"{row['plain passes']}: {passes:.1f} times fewer, {seconds:.1f} times less CPU"
            )
    elif part == "million":
        print(
            f"{found['n']} points, D = 6, K = 20: peak {found['peak_MB']:.0f} MB, "
            f"{found['peak_over_input']:.2f} times the input of {found['input_MB']:.0f} MB (making "
            f"it took {found['peak_of_making_the_input_MB']:.0f}), "
            f"{found['wall_s_per_iteration']:.2f} s an iteration on one thread"
        )
    else:
        for row in found:
            best = next(r for r in found if r["sampler"] == row["sampler"] and r["model"] == "ours")
            print(
                f"{row['sampler']}, {row['model']}: {row['ess_per_cpu_s']:.1f} effective draws per "
                f"CPU s (ours / this: {best['ess_per_cpu_s'] / row['ess_per_cpu_s']:.2f}), first "
                f"draws after {row['first_cpu_s']:.1f} s"
            )


def main():
    """Measure in turn and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    result = {}
    for part in options.only:
        result[part] = PARTS[part](options.quick)
        if not options.json:
            show(part, result[part])
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
