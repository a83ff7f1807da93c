"""Speed of the periodogram with several harmonics, in several bands, and on many light curves, against peers.

Ours is the log evidence with offsets and all coefficients integrated out; the peers compute a chi-square power.
All in turn in one process and one thread, best CPU time of several calls. Peers that are not installed are left
out: nifty-ls, cuperiod (its CPU path), gatspy, astropy's LombScargle and LombScargleMultiband.

    uv run --with nifty-ls --with cuperiod --with gatspy python benchmarks/multiband.py
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import resource
import time
import warnings

import numpy as np

import bayes_astro as ba
from bayes_astro.likelihoods.harmonic import project
from bayes_astro.likelihoods.harmonic_grid import log_evidence_grid

FIRST, STEP = 0.01, 1e-4


def best(function, calls=5, limit=6.0):
    """Best CPU seconds of some calls, after one that plans and compiles."""
    function()
    found, began = [], time.process_time()
    for _ in range(calls):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
        if time.process_time() - began > limit:
            break
    return min(found)


def optional(name):
    try:
        return __import__(name)
    except ImportError:
        return None


def single(n, count, n_terms):
    """One band: seconds by tool."""
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0, 2000, n))
    e = rng.uniform(0.5, 1.5, n)
    y = 15 + 2 * np.sin(2 * np.pi * 0.2137 * t) + e * rng.normal(size=n)
    grid = FIRST + STEP * np.arange(count)
    found = {}

    def ours():
        problem = project(t - 1000, y, e**2, np.ones((n, 1)), [15.0], [20.0], np.full(n_terms, 2.0))
        log_evidence_grid(problem, FIRST, STEP, count, 1e-3)

    found["ours"] = best(ours)
    if nifty := optional("nifty_ls"):
        found["nifty-ls"] = best(
            lambda: nifty.lombscargle(
                t, y, e, fmin=grid[0], fmax=grid[-1], Nf=count, nterms=n_terms,
                **({"backend": "finufft", "nthreads": 1} if n_terms == 1 else {"nthreads": 1}),
            )
        )  # fmt: skip
    from astropy.timeseries import LombScargle

    method = "fast" if n_terms == 1 else "fastchi2"
    found["astropy"] = best(
        lambda: LombScargle(t, y, e, nterms=n_terms).power(
            grid, method=method, assume_regular_frequency=True
        ),
        calls=2,
    )
    if (cuperiod := optional("cuperiod")) and n_terms == 1:
        spec = cuperiod.GridSpec("frequency", grid, uniform=True)
        curve = cuperiod.LightCurve(t, y, e)
        found["cuperiod"] = best(
            lambda: cuperiod.periodogram(curve, "GLS", backend="cpu", grid=spec)
        )
    return found


def several(per_band, count, n_terms):
    """Five bands, each with coefficients of its own: seconds by tool."""
    rng = np.random.default_rng(2)
    n = 5 * per_band
    t, band = rng.uniform(0, 2000, n), np.repeat(np.arange(5), per_band)
    e = rng.uniform(0.5, 1.5, n)
    y = 15 + band + 2 * np.sin(2 * np.pi * 0.2137 * t) + e * rng.normal(size=n)
    names = np.array(list("ugriz"))[band]
    grid = FIRST + STEP * np.arange(count)
    found = {}

    def ours():
        problem = project(
            t - 1000, y, e**2, np.ones((n, 1)), [15.0], [20.0], np.full(n_terms, 2.0),
            block=band, own_sd=np.full(n_terms, 1.0),
        )  # fmt: skip
        log_evidence_grid(problem, FIRST, STEP, count, 1e-3)

    found["ours"] = best(ours)
    from astropy.timeseries import LombScargleMultiband

    model = LombScargleMultiband(t, y, names, e, nterms_base=n_terms, nterms_band=n_terms)
    fast = "fast" if n_terms == 1 else "fastchi2"
    found["astropy fast"] = best(lambda: model.power(grid, method="fast", sb_method=fast), calls=2)
    if n_terms == 1:
        found["astropy flexible"] = best(lambda: model.power(grid, method="flexible"), calls=1)
        if cuperiod := optional("cuperiod"):
            spec = cuperiod.GridSpec("frequency", grid, uniform=True)
            curves = {
                b: cuperiod.LightCurve(t[names == b], y[names == b], e[names == b]) for b in "ugriz"
            }
            many = cuperiod.MultiBandLightCurve(curves)
            found["cuperiod"] = best(
                lambda: cuperiod.periodogram(many, "GLS", backend="cpu", grid=spec)
            )
        try:
            from gatspy.periodic import LombScargleMultiband as Gatspy

            old = Gatspy(fit_period=False).fit(t, y, e, names)
            found["gatspy"] = best(lambda: old.periodogram(1 / grid), calls=1)
        except Exception as error:
            print("gatspy:", error)
    return found


def survey(count=1000, n=200):
    """Objects a CPU second and in all, everything included; memory that stays."""
    rng = np.random.default_rng(3)
    curves = []
    for k in range(count):
        t = np.sort(rng.uniform(0, 1000, n))
        e = rng.uniform(0.5, 1.5, n)
        y = 15 + 2 * np.sin(2 * np.pi * 0.2137 * t) + e * rng.normal(size=n)
        curves.append(ba.LightCurve(t, y, e, name=str(k)))
    model, sampler = ba.Periodogram(period=(1, 100)), ba.Exact(draws=400)
    ba.fit_each(model, curves[:5], seed=1, sampler=sampler)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, clock = time.process_time(), time.perf_counter()
    ba.fit_each(model, curves, seed=1, sampler=sampler)
    used, wall = time.process_time() - start, time.perf_counter() - clock
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found = {"ours, whole rows": used / count}
    if nifty := optional("nifty_ls"):
        begin = time.process_time()
        for c in curves:
            nifty.lombscargle(c.time, c.value, c.error, fmin=0.01, fmax=1.0, Nf=5000, nthreads=1)
        found["nifty-ls, power alone"] = (time.process_time() - begin) / count
    print(f"{count} light curves of {n} points: {count / wall:.0f} objects a second on all cores")
    print(f"  {grown / 1024:.0f} MB more at most")
    return found


def show(title, found):
    ours = next(iter(found.values()))
    parts = [f"{name} {1e3 * s:.2f} ms ({s / ours:.1f})" for name, s in found.items()]
    print(f"{title}: " + ", ".join(parts), flush=True)


def growth():
    """Time and memory of one scan, by points and frequencies."""
    for n, count in ((200, 10_000), (1000, 100_000), (10_000, 100_000), (65_000, 812_000)):
        rng = np.random.default_rng(4)
        t = np.sort(rng.uniform(-1000, 1000, n))
        problem = project(t, rng.normal(size=n), np.ones(n), np.ones((n, 1)), [0.0], [5.0], [1.0])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        log_evidence_grid(problem, 1e-4, 1e-4, count, 1e-3)
        used = time.process_time() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(f"{n} points, {count} frequencies: {1e3 * used:.1f} ms, {grown:.0f} MB more at most")


def main():
    growth()
    for n, count in ((200, 10_000), (1000, 100_000)):
        for n_terms in (1, 2, 3, 4):
            show(f"one band, {n} / {count}, {n_terms} harmonics", single(n, count, n_terms))
    for per_band in (60, 300):
        for n_terms in (1, 3):
            title = f"five bands of {per_band}, {n_terms} harmonics"
            show(title, several(per_band, 10_000, n_terms))
    show("survey", survey())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
