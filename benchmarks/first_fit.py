"""What a user waits for on a first fit in a fresh process, of every task, caches cold and warm.

    python benchmarks/first_fit.py [name ...] [--json] [--quick]

CPU and wall seconds of whole processes, imports included, each beside a peer in a process of its own:
what the field's package for the same thing takes there, or `import pymc` alone. "Cold" has empty
folders for compiled kernels, "warm" is the median of some runs after it. Then, within one process: what a
first fit of data of another length takes more than a second one of the same data; and `fit_each` with
NUTS on light curves of a hundred lengths, with the kernels compiled after the first.

Goals: the line with outliers by NUTS 10 s of CPU cold, 3 warm; the demo 2.5 warm; other data 0.3 s
more than their sampling.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PYMC = "import pymc"
LOMB_SCARGLE = """
import bayes_astro as ba
data = ba.load("eros2-cepheid").select("B")
from astropy.timeseries import LombScargle
LombScargle(data.time, data.value, data.error, nterms=3).autopower(maximum_frequency=0.64)
"""
START = "import numpy as np, bayes_astro as ba\nrng = np.random.default_rng(1)\n"
GALAXIES = START + (
    "z = rng.gamma(4.0, 0.1, 300)\n"
    "m = 19.5 + 6 * np.log1p(z)[:, None] + rng.normal(0, 0.6, (300, 1)) + np.linspace(0.5, -0.5, 4)\n"
    "flux = 10 ** (-0.4 * (m - 23.9))\n"
    "data = ba.Photometry(flux, 0.05 * flux, ('g', 'r', 'i', 'z'), z, unit='uJy')\n"
)
PROGRAMS = {
    "demo": (
        "import bayes_astro as ba\n"
        "data = ba.load('eros2-cepheid').select('B')\n"
        "ba.Periodogram(n_terms=3, jitter=True, period=(1.6, 2400)).fit(data, seed=1)",
        LOMB_SCARGLE,
    ),
    "line": (
        "import bayes_astro as ba\n"
        "ba.LinearRelation('y', scatter=False).fit(ba.load('hogg-2010')[4:], seed=1)",
        PYMC,
    ),
    "line-outliers": (
        "import bayes_astro as ba\n"
        "ba.LinearRelation('y', outliers=True).fit(ba.load('hogg-2010'), seed=1)",
        PYMC,
    ),
    "line-emcee": (
        "import bayes_astro as ba\n"
        "ba.LinearRelation('y', outliers=True).fit(ba.load('hogg-2010'), ba.Emcee(), seed=1)",
        "import emcee",
    ),
    "process": (
        "import bayes_astro as ba\n"
        "data = ba.load('macho-quasar')\n"
        "ba.GaussianProcess(ba.kernels.SHO(quality=0.7)).fit(data.select(data.bands[0]), seed=1)",
        PYMC,
    ),
    "walk": (
        "import bayes_astro as ba\n"
        "data = ba.load('macho-quasar')\n"
        "model = ba.GaussianProcess(ba.kernels.DampedRandomWalk())\n"
        "model.fit(data.select(data.bands[0]), ba.Exact(), seed=1)",
        PYMC,
    ),
    "structure-function": (
        "import bayes_astro as ba\n"
        "data = ba.load('macho-quasar')\n"
        "ba.StructureFunction().fit(data.select(data.bands[0]), seed=1)",
        PYMC,
    ),
    "blocks": (
        START + "time = np.sort(rng.uniform(0, 100, 500))\n"
        "ba.BayesianBlocks().fit(ba.Events(time, intervals=[[0, 100]]), seed=1)",
        PYMC,
    ),
    "mixture": (
        START + "x = rng.normal(size=(500, 2)) + 3 * rng.integers(0, 2, (500, 1))\n"
        "data = ba.Measurements(x, np.full((500, 2), 0.3))\n"
        "ba.ExtremeDeconvolution(2).fit(data, ba.MAP(), seed=1)",
        PYMC,
    ),
    "photo-z": (GALAXIES + "ba.XDPhotoZ().fit(data, seed=1)", PYMC),
    "templates": (GALAXIES + "ba.TemplatePhotoZ().fit(data, seed=1)", PYMC),
    "n-of-z": (
        START + "p = rng.dirichlet(np.ones(10), 500)\n"
        "data = ba.BinnedRedshifts(p, np.linspace(0, 1, 11), np.ones(10) / 10)\n"
        "ba.PopulationNz().fit(data, seed=1)",
        PYMC,
    ),
    "damping-relation": (
        START + "m = rng.normal(8, 0.6, 30)\n"
        "t = (2 + 0.4 * (m - 8))[:, None] + 0.2 * rng.normal(size=(30, 500))\n"
        "data = ba.DampingTimes(t, np.zeros_like(t), m, np.full(30, 0.1))\n"
        "ba.HierarchicalDRW().fit(data, seed=1)",
        PYMC,
    ),
    "correlation": (
        START + "e = np.geomspace(0.5, 20, 11)\n"
        "xi = (e[1:] * e[:-1] / 25) ** -0.9\n"
        "data = ba.PairCounts(e[:-1], e[1:], xi, 0.1 * xi)\n"
        "ba.TwoPointCorrelation().fit(data, seed=1)",
        PYMC,
    ),
    "supernovae": (
        "import bayes_astro as ba\n"
        "mean = ba.relations.DistanceModulus()\n"
        "model = ba.Relation(mean, 'magnitude', scatter=False)\n"
        "model.fit(ba.load('pantheon-binned'), seed=1)",
        PYMC,
    ),
    "spectra": (
        START + "x = np.linspace(0, 1, 100)\n"
        "flux = 5 + rng.normal(size=(60, 2)) @ [np.sin(6 * x), x] + rng.normal(0, 0.2, (60, 100))\n"
        "flux[::3, 40:55] = np.nan\n"
        "data = ba.Spectra(4000 + 1000 * x, flux, 0.2)\n"
        "ba.SpectralFactors().fit(data, seed=1)",
        "import sklearn.decomposition",
    ),
    "rates": (
        "import bayes_astro as ba\nba.PoissonRate().fit(ba.load('pump-failures'), seed=1)",
        PYMC,
    ),
}
OTHER_DATA = """
import json, time, bayes_astro as ba
data, model = ba.load("hogg-2010"), ba.LinearRelation("y", outliers=True)
def fit(rows, sampler):
    before = time.process_time()
    model.copy().fit(data[:rows], sampler, seed=1, progress=False)
    return time.process_time() - before
found = {}
for sampler in (ba.NUTS(target_accept=0.95), ba.Emcee()):
    fit(20, sampler)
    first = fit(17, sampler)
    found[type(sampler).__name__] = [first, fit(17, sampler)]
print(json.dumps(found))
"""
EACH = """
import json, time, numpy as np, bayes_astro as ba
from numba.core import event
rng = np.random.default_rng(1)
curves = []
for i in range(100):
    t = np.sort(rng.uniform(0, 500, 40 + i))
    curves.append(ba.LightCurve(t, rng.normal(size=len(t)), np.full(len(t), 0.3), name=str(i)))
model, sampler = ba.GaussianProcess(ba.kernels.SHO(quality=0.7)), ba.NUTS(draws=200, tune=200, chains=2)
ba.fit_each(model, curves[:1], sampler=sampler, seed=1)
with event.install_recorder("numba:compile") as compiled:
    before = time.process_time()
    ba.fit_each(model, curves[1:], sampler=sampler, seed=1)
    spent = time.process_time() - before
print(json.dumps([spent / 99, len(compiled.buffer)]))
"""


def seconds(code, cache=None):
    """CPU (user and system) and wall seconds of a fresh process, and its output."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if cache:
        environment["NUMBA_CACHE_DIR"] = os.path.join(cache, "numba")
        environment["PYTENSOR_FLAGS"] = f"base_compiledir={os.path.join(cache, 'pytensor')}"
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=True, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    after, wall = os.times(), time.perf_counter() - started
    cpu = after.children_user + after.children_system
    return cpu - before.children_user - before.children_system, wall, done.stdout


def main():
    """Time every process and print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*", help="default: all")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one warm run")
    options = parser.parse_args()
    result = {}
    for name in options.name or PROGRAMS:
        ours, peer = PROGRAMS[name]
        with tempfile.TemporaryDirectory() as cache:
            cold = seconds(ours, cache)[:2]
            runs = [
                (*seconds(ours, cache)[:2], *seconds(peer)[:2])
                for _ in range(1 if options.quick else 3)
            ]
            result[name] = [
                *cold,
                *(statistics.median(column) for column in zip(*runs, strict=True)),
            ]
        if not options.json:
            if len(result) == 1:
                print(f"{'':20} cold CPU  wall   warm CPU  wall   peer CPU  wall")
            print(f"{name:20}" + "".join(f"{value:8.2f}" for value in result[name]), flush=True)
    if not options.name:
        with tempfile.TemporaryDirectory() as cache:
            seconds(OTHER_DATA, cache)
            result["other data"] = json.loads(seconds(OTHER_DATA, cache)[2])
            result["fit_each"] = json.loads(seconds(EACH, cache)[2])
    if options.json:
        print(json.dumps(result))
    elif not options.name:
        for name, (first, second) in result["other data"].items():
            print(f"other data, {name}: first fit {first:.2f} s, again {second:.2f} s of CPU")
        each, compiled = result["fit_each"]
        print(f"fit_each with NUTS: {each:.2f} s of CPU a light curve, {compiled} compilations")


if __name__ == "__main__":
    main()
