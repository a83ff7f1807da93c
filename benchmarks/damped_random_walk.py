"""Damped random walks of many light curves: batch likelihood against celerite2, full posteriors.

1000 light curves of 200 points. The likelihood is that of one (sigma, tau, jitter) for each light
curve, the mean known (celerite2's Python interface computes and factors a term for each), and ours
with the offset integrated out too. Then the posterior of (sigma, tau) and of (sigma, tau, jitter)
for each, 4000 independent draws. All run in turn in one process and one thread, in CPU time, so that
other work on the machine changes nothing; posteriors a minute are those of one core.

    python benchmarks/damped_random_walk.py [--quick] [--json]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import sys
import time

import numpy as np

import bayes_astro as ba
from bayes_astro.likelihoods import damped_random_walk as drw
from bayes_astro.processes import drw_posterior
from bayes_astro.variability.damping_relation import interim_setup

OBJECTS, POINTS = 1000, 200
GOALS = {"likelihood": 12.0, "posteriors a minute": 1000.0}
DRAWS = 4000


def light_curves(count, n, seed=1):
    """Damping times from a hundredth of the baseline to all of it; errors of their own."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        t = np.sort(rng.uniform(0.0, 3000.0, n))
        error = 10 ** rng.uniform(-2.3, -1.3) * rng.uniform(0.7, 1.5, n)
        y = 18 + drw.simulate(t, 0.2, 10 ** rng.uniform(1.5, 3.5), rng)
        y += np.hypot(error, 10 ** rng.uniform(-3, -1)) * rng.standard_normal(n)
        found.append(ba.LightCurve(t, y, error, name=str(k)))
    return found


def least(function, turns):
    """Shortest CPU time of several calls."""
    best = np.inf
    for _ in range(turns):
        started = time.process_time()
        function()
        best = min(best, time.process_time() - started)
    return best


def likelihoods(curves, turns):
    """Microseconds a light curve, by method, and the largest difference of the values."""
    rng = np.random.default_rng(2)
    sigma, tau = 10 ** rng.uniform([[-1.2], [1.5]], [[-0.2], [3.0]], (2, len(curves)))
    jitter = 10 ** rng.uniform(-3, -1, len(curves))
    means = [curve.value.mean() for curve in curves]
    known = drw.pack(
        [drw.prepare(c.time, c.value - m, c.error) for c, m in zip(curves, means, strict=True)]
    )
    free = drw.pack(
        [
            drw.prepare(c.time, c.value, c.error, np.ones((len(c), 1)), [m], [1.0])
            for c, m in zip(curves, means, strict=True)
        ]
    )
    rows = sigma[:, None], tau[:, None], jitter[:, None]
    ours = {
        "ours": lambda: drw.log_likelihoods(known, *rows, threads=1),
        "ours, offset integrated out": lambda: drw.log_likelihoods(free, *rows, threads=1),
        "ours, 64 points a light curve": lambda: drw.log_likelihoods(
            known, *(np.repeat(row, 64, axis=1) for row in rows), threads=1
        ),
    }
    value = ours["ours"]()[:, 0]
    scale = 1e6 / len(curves)
    found = {name: scale * least(function, turns) for name, function in ours.items()}
    found["ours, 64 points a light curve"] /= 64
    try:
        import celerite2
        from celerite2 import terms
    except ImportError:
        print("celerite2 is not installed: uv sync --group benchmark", file=sys.stderr)
        return found, None

    def loop():
        total = np.empty(len(curves))
        for i, curve in enumerate(curves):
            process = celerite2.GaussianProcess(
                terms.RealTerm(a=sigma[i] ** 2, c=1 / tau[i]), mean=means[i]
            )
            process.compute(curve.time, diag=curve.error**2 + jitter[i] ** 2, check_sorted=False)
            total[i] = process.log_likelihood(curve.value)
        return total

    difference = float(np.max(np.abs(value / loop() - 1)))
    found["celerite2 in a loop"] = scale * least(loop, max(1, turns // 2))
    return found, difference


def posteriors(curves, jitter):
    """CPU seconds of all, efficiency of the worst, and how many grids were capped."""
    used = time.process_time()
    found = drw_posterior.fit_many(
        curves, lambda curve: interim_setup(curve, jitter), DRAWS, range(len(curves)), threads=1
    )
    cpu = time.process_time() - used
    return {
        "a minute of one core": 60 * len(curves) / cpu,
        "CPU ms each": 1e3 * cpu / len(curves),
        "least efficiency": min(posterior.importance_efficiency for posterior, _ in found),
        "capped": sum(posterior.capped for posterior, _ in found),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    count = 200 if arguments.quick else OBJECTS
    curves = light_curves(count, POINTS)
    drw_posterior.fit_many(curves[:4], lambda c: interim_setup(c, True), 100, range(4))  # compile
    times, difference = likelihoods(curves, 4 if arguments.quick else 10)
    result = {"microseconds a likelihood": times, "largest relative difference": difference}
    if "celerite2 in a loop" in times:
        result["times faster"] = times["celerite2 in a loop"] / times["ours"]
    result["sigma, tau"] = posteriors(curves, jitter=False)
    result["sigma, tau, jitter"] = posteriors(curves, jitter=True)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in times.items():
        print(f"{name:32s} {value:8.2f} us a likelihood of {POINTS} points")
    if "times faster" in result:
        print(f"{result['times faster']:.1f} times faster (goal {GOALS['likelihood']:g}); ", end="")
        print(f"values differ by {difference:.1e} at most")
    for name in ("sigma, tau", "sigma, tau, jitter"):
        row = result[name]
        print(
            f"posterior of {name}: {row['CPU ms each']:.0f} ms of CPU each, "
            f"{row['a minute of one core']:.0f} light curves a minute of one core (goal on two: "
            f"{GOALS['posteriors a minute']:g}), importance efficiency at least "
            f"{row['least efficiency']:.2f}, {row['capped']} grids capped"
        )


if __name__ == "__main__":
    main()
