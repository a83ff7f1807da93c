"""Speed of the Bayesian periodogram against nifty-ls, astropy and BGLS.

One harmonic and a floating mean. Ours is the exact log evidence with the offset integrated out,
the trend's projection included in the time; the peers compute a chi-square power (nifty-ls,
astropy) or an unnormalised evidence (BGLS). All run in turn in one process and one thread, in CPU
time, so that other work on the machine changes nothing.

    python benchmarks/periodogram.py [--quick] [--json]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import sys
import time

import numpy as np

from bayes_astro.likelihoods.harmonic import draw_coefficients, project
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid
from bayes_astro.periodic.frequency_posterior import sample_frequency

SIZES = ((200, 10_000), (1_000, 100_000), (3_000, 1_000_000))
GOALS = {"nifty-ls": 1.0, "astropy fast": 40.0}
FIT_GOAL_MS = 50.0
TURN = 0.2  # CPU seconds
BGLS_LIMIT = 1e7  # points times frequencies that NumPy does in about a second


def light_curve(n, seed=1, timespan=2000.0):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0.0, timespan, n))
    error = rng.uniform(0.5, 1.5, n)
    y = 15.0 + 2.0 * np.sin(2 * np.pi * 0.2137 * t) + error * rng.normal(size=n)
    return t, y, error


def problem_of(t, y, error):
    middle = 0.5 * (t[0] + t[-1])
    return project(
        t - middle,
        y,
        error**2,
        np.ones((len(t), 1)),
        [y.mean()],
        [10 * y.std()],
        [y.std()],
    )


def bgls(t, y, error, frequency):
    """Mortier et al. 2015, the published formula, for blocks of frequencies."""
    w = error**-2.0
    total, sum_y = w.sum(), w @ y
    log_p = np.empty(len(frequency))
    for start in range(0, len(frequency), 256):
        angle = 2 * np.pi * np.outer(frequency[start : start + 256], t)
        double = 2 * angle
        angle -= 0.5 * np.arctan2(np.sin(double) @ w, np.cos(double) @ w)[:, None]
        cosine, sine = np.cos(angle), np.sin(angle)
        yc, ys, c, s = cosine @ (w * y), sine @ (w * y), cosine @ w, sine @ w
        cc, ss = cosine**2 @ w, sine**2 @ w
        k = (c * c * ss + s * s * cc - total * cc * ss) / (2 * cc * ss)
        ell = (sum_y * cc * ss - c * yc * ss - s * ys * cc) / (cc * ss)
        m = (yc * yc * ss + ys * ys * cc) / (2 * cc * ss)
        log_p[start : start + 256] = m - ell**2 / (4 * k) - 0.5 * np.log(np.abs(k) * cc * ss)
    return log_p


def peers():
    """Name to function (t, y, error, first, step, count); those that are not installed say so."""
    found = {}
    try:
        import nifty_ls

        def nifty(t, y, error, first, step, count):
            return nifty_ls.lombscargle(
                t,
                y,
                error,
                fmin=first,
                fmax=first + step * (count - 1),
                Nf=count,
                nthreads=1,
            ).power

        found["nifty-ls"] = nifty
    except ImportError:
        print("nifty-ls is missing: uv pip install nifty-ls", file=sys.stderr)
    try:
        from astropy.timeseries import LombScargle

        def astropy_fast(t, y, error, first, step, count):
            frequency = first + step * np.arange(count)
            return LombScargle(t, y, error).power(
                frequency, method="fast", assume_regular_frequency=True
            )

        found["astropy fast"] = astropy_fast
    except ImportError:
        print("astropy is missing: uv pip install astropy", file=sys.stderr)
    found["BGLS in NumPy"] = lambda t, y, error, first, step, count: bgls(
        t, y, error, first + step * np.arange(count)
    )
    return found


def median_seconds(functions, rounds, slow_rounds):
    """Median CPU time of a call over several rounds, each function in turn in every round.

    What else runs on the machine disturbs caches, and thus falls on all. Quick functions are called several times in a
    row within their turn (at least TURN seconds), as on the light curves of a survey: the first
    call after another function finds the processor's caches full of that one's data.
    """
    calls = {}
    for name, function in functions.items():
        function()  # plans, compilation
        start = time.process_time()
        function()
        calls[name] = max(1, round(TURN / (time.process_time() - start)))
    seconds = {name: [] for name in functions}
    for i in range(rounds):
        for name, function in functions.items():
            if calls[name] == 1 and i >= slow_rounds:
                continue
            start = time.process_time()
            for _ in range(calls[name]):
                function()
            seconds[name].append((time.process_time() - start) / calls[name])
    return {name: float(np.median(values)) for name, values in seconds.items()}


def density_rows(quick):
    others = peers()
    rows = []
    for n, count in SIZES:
        t, y, error = light_curve(n)
        first, step = 0.01, 1.0 / (5.0 * 2000.0)
        arguments = (t, y, error, first, step, count)
        functions = {
            "ours 1e-3 nats": lambda a=arguments: log_evidence_grid(
                problem_of(*a[:3]), *a[3:], accuracy=1e-3
            ),
            "ours 1e-6 nats": lambda a=arguments: log_evidence_grid(
                problem_of(*a[:3]), *a[3:], accuracy=1e-6
            ),
        }
        for name, function in others.items():
            too_slow = name.startswith("BGLS") and n * count > BGLS_LIMIT
            if not too_slow:
                functions[name] = lambda f=function, a=arguments: f(*a)
        seconds = median_seconds(functions, 5 if quick else 21, 1 if quick else 3)
        rows.append({"points": n, "frequencies": count, "seconds": seconds})
    return rows


def fit_row(quick):
    """4000 exact draws of frequency, offset and amplitudes; 200 points, range of 1e4 cells."""
    n_draws, repeats = 4000, 10 if quick else 50
    seconds, efficiency = [], []
    for seed in range(repeats + 1):
        t, y, error = light_curve(200, seed=seed)
        start = time.process_time()
        rng = np.random.default_rng(seed)
        problem = problem_of(t, y, error)
        result = sample_frequency(problem, 0.01, 1.01, False, n_draws, rng)
        draw_coefficients(problem, result.frequency, rng.normal(size=(n_draws, 3)))
        seconds.append(time.process_time() - start)
        efficiency.append(result.importance_efficiency)
    return {
        "points": 200,
        "draws": n_draws,
        "milliseconds": 1e3 * float(np.median(seconds[1:])),
        "slowest_milliseconds": 1e3 * max(seconds[1:]),
        "lowest_efficiency": min(efficiency),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: under a minute")
    options = parser.parse_args()
    rows, fit = density_rows(options.quick), fit_row(options.quick)
    if options.json:
        print(json.dumps({"log_density": rows, "fit": fit}))
        return

    for row in rows:
        seconds = row["seconds"]
        print(f"{row['points']} points, {row['frequencies']} frequencies")
        for name, value in seconds.items():
            line = f"  {name:16s} {1e3 * value:10.3f} ms"
            if not name.startswith("ours"):
                ratios = [value / seconds[f"ours {accuracy} nats"] for accuracy in ("1e-3", "1e-6")]
                line += f"   peer / ours {ratios[0]:8.2f} (1e-3) {ratios[1]:8.2f} (1e-6)"
                if name in GOALS:
                    line += f"   goal {GOALS[name]:g}"
            print(line)
    print(
        f"full fit, {fit['points']} points, {fit['draws']} exact draws: "
        f"{fit['milliseconds']:.1f} ms (slowest {fit['slowest_milliseconds']:.1f}, "
        f"goal {FIT_GOAL_MS:g}), lowest importance efficiency {fit['lowest_efficiency']:.4f}"
    )


if __name__ == "__main__":
    main()
