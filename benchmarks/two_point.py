"""Pairs of a million points against TreeCorr, and how often intervals hold a known correlation function.

Pairs: a million uniform points in a cube, ten bins up to a separation at which a point has some sixteen
others (`--far`: 500), in one process. Both count exactly (TreeCorr with ``bin_slop=0``), and the
counts are compared. Ours are those of 50 patches, from which a jackknife is made.

Coverage: points in pairs, whose xi is a power law; Gaussian clusters, whose xi is Gaussian.

    python benchmarks/two_point.py [--quick] [--far] [--json]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

import bayes_astro as ba
from bayes_astro.clustering.pair_counting import patches_of
from bayes_astro.likelihoods.pairs import counted

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from point_processes import pairs_of_points, thomas, thomas_xi

PATCHES = 50


def timed(function):
    """Wall and CPU time of a call, and what it returns."""
    before = time.perf_counter(), time.process_time()
    found = function()
    return time.perf_counter() - before[0], time.process_time() - before[1], found


def ours(points, edges, threads):
    """Pairs in bins, in all and by patch."""
    from concurrent.futures import ThreadPoolExecutor

    patch, _, _ = patches_of(points, points, PATCHES, True, len(edges) - 1)
    part = points, np.ones(len(points)), patch
    with ThreadPoolExecutor(threads) as pool:
        inside, across = counted(part, part, edges, PATCHES, pool.map)
    return inside.sum(axis=0) + 0.5 * across.sum(axis=0)


def theirs(points, edges, threads):
    """The same by TreeCorr, without patches."""
    import treecorr

    catalogue = treecorr.Catalog(x=points[:, 0], y=points[:, 1], z=points[:, 2])
    pairs = treecorr.NNCorrelation(
        min_sep=edges[0], max_sep=edges[-1], nbins=len(edges) - 1, bin_slop=0, angle_slop=0
    )
    pairs.process(catalogue, num_threads=threads)
    return pairs.npairs


def counting(count, reach):
    """Seconds of both, with one thread and with two, and whether they agree."""
    points = np.random.default_rng(1).uniform(size=(count, 3))
    edges = np.geomspace(reach / 30, reach, 11)
    found = {"points": count, "reach": reach}
    ours(points[:1000], edges, 1)  # compiled
    for threads in (1, 2):
        one, other = (timed(lambda f=f, n=threads: f(points, edges, n)) for f in (ours, theirs))
        found[f"ours, {threads}"] = round(one[0], 2)
        found[f"TreeCorr, {threads}"] = round(other[0], 2)
        found[f"ratio, {threads}"] = round(other[0] / one[0], 2)
        found["pairs"] = float(one[2].sum())
        found["equal"] = bool(np.abs(one[2] - other[2]).max() == 0)
    return found


def coverage(count, process):
    """Shares of fields whose 68 and 95% intervals hold the truth; how many diagnoses failed."""
    inside, failed = [], 0
    sampler = ba.NUTS(draws=300, tune=300, target_accept=0.95)
    for seed in range(count):
        randoms = np.random.default_rng(10_000 + seed).uniform(size=(12_000, 2))
        if process == "pairs":
            points, amplitude = pairs_of_points(500, 1.4, 0.001, 0.03, seed=seed)
        else:
            points = thomas(int(process), 10, 0.02, seed=seed)
        edges = (
            np.geomspace(0.002, 0.025, 7) if process == "pairs" else np.geomspace(0.004, 0.06, 8)
        )
        data = ba.PairCounts.from_positions(points, randoms, edges, kind="plane", patches=PATCHES)
        model = ba.TwoPointCorrelation(smooth=process != "pairs", pivot=0.01)
        model.fit(data, sampler, seed=1, progress=False)
        failed += any(
            check.name != "R-hat" and not check.name.startswith("ESS")
            for check in model.diagnose().failures()
        )
        if process == "pairs":
            draws = model.posterior["posterior"]
            truth = {"gamma": 1.4, "amplitude": amplitude * 0.01**-1.4}
            inside.append([float((draws[name] < value).mean()) for name, value in truth.items()])
        else:
            at = np.array([0.008, 0.02, 0.04])
            below = model.predict(at)["signal"] < thomas_xi(at, int(process), 0.02)
            inside.append(below.mean(("chain", "draw")).values)
    off = np.abs(np.array(inside) - 0.5)
    return {
        "process": process,
        "68%": np.mean(off < 0.34, axis=0).round(2).tolist(),
        "95%": np.mean(off < 0.475, axis=0).round(2).tolist(),
        "failed": failed,
        "fields": count,
    }


def main():
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--quick", "--far", "--json"):
        parser.add_argument(option, action="store_true")
    options = parser.parse_args()
    results = [counting(100_000 if options.quick else 1_000_000, 0.05 if options.far else 0.0157)]
    for process in ("pairs", "200", "1000"):
        results.append(coverage(10 if options.quick else 100, process))
    for one in results:
        print(json.dumps(one) if options.json else one)


if __name__ == "__main__":
    main()
