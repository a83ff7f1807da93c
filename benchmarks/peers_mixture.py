"""Mixtures of Gaussians of other packages, step by step from a given start.

Each `*_step(x, s, state, steps)` runs that many iterations of expectation and maximisation from
`state` = (weight, mean, covariance), without the package's own initialisation and without its
criterion to stop, in this process and thread. It returns the end, its mean log-likelihood and the
CPU seconds of the iterations alone.

- astroML's XDGMM: no projections, no diagonal errors. A step holds arrays of (n, K, D, D, D).
- pygmmis: no background or selection here. Its covariances are about the old means, so that its
  steps are not those of expectation and maximisation, though the end is the same.
- scikit-learn's GaussianMixture: does not know of errors; `s` is ignored.

    python benchmarks/peers_mixture.py [--quick] [--json]

prints nanoseconds of CPU per point, component and iteration.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import importlib.util
import itertools
import json
import time
from typing import NamedTuple
from unittest import mock

import numpy as np

State = tuple[np.ndarray, np.ndarray, np.ndarray]

# Points, dimensions, components. astroML takes the first 10,000 points only: from there to 50,000
# its cost per point grows by 1%, its memory five times.
CASES = ((10_000, 2, 3), (50_000, 5, 10), (200_000, 5, 20))
ASTROML_POINTS = 10_000


class Run(NamedTuple):
    """Where a run ended, the mean log-likelihood there, and the CPU seconds of its steps."""

    state: State
    score: float
    cpu: float


def problem(n, d, k, seed=1):
    """Noisy points of a mixture, their covariances, and a start that is off by some widths."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(k, d, d))
    covariance = factor @ factor.swapaxes(1, 2) / d + 0.3 * np.eye(d)
    mean = rng.normal(0, 4, (k, d))
    weight = rng.dirichlet(np.full(k, 5.0))
    which = rng.choice(k, n, p=weight)
    true = mean[which] + np.einsum(
        "nij,nj->ni", np.linalg.cholesky(covariance)[which], rng.normal(size=(n, d))
    )
    factor = rng.normal(size=(n, d, d))
    s = 0.3 * factor @ factor.swapaxes(1, 2) / d + 0.05 * np.eye(d)
    x = true + np.einsum("nij,nj->ni", np.linalg.cholesky(s), rng.normal(size=(n, d)))
    start = np.full(k, 1 / k), mean + rng.normal(0, 0.5, (k, d)), np.tile(2 * np.eye(d), (k, 1, 1))
    return x, s, start


def copied(state: State) -> State:
    weight, mean, covariance = (np.array(array, dtype=float) for array in state)
    return weight, mean, covariance


def astroml_step(x: np.ndarray, s: np.ndarray, state: State, steps: int = 1) -> Run:
    """XDGMM of astroML."""
    from astroML.density_estimation import XDGMM

    model = XDGMM(len(state[0]))
    model.alpha, model.mu, model.V = copied(state)
    before = time.process_time()
    for _ in range(steps):
        model._EMstep(x, s)
    cpu = time.process_time() - before
    return Run((model.alpha, model.mu, model.V), float(model.logL(x, s) / len(x)), cpu)


class Serial:
    """Does in this process what pygmmis gives to a pool."""

    @staticmethod
    def starmap(function, items, *arguments, pm_pool=None, pm_chunksize=None):
        return list(itertools.starmap(lambda *item: function(*item, *arguments), items))


def pygmmis_step(x: np.ndarray, s: np.ndarray, state: State, steps: int = 1) -> Run:
    """pygmmis with neither background, selection nor cutoff."""
    import pygmmis

    k, d = state[1].shape
    model = pygmmis.GMM(k, d)
    model.amp, model.mean, model.covar = copied(state)
    changeable = dict.fromkeys(("amp", "mean", "covar"), slice(None))
    log_p: list = [[] for _ in range(k)]
    near: list = [None] * k
    inverse: list = [None] * k
    total = np.zeros(len(x))
    with mock.patch.object(pygmmis, "parmap", Serial):
        before = time.process_time()
        for _ in range(steps):
            pygmmis._EMstep(
                model, log_p, near, inverse, total, len(x), x, covar=s, changeable=changeable
            )
        cpu = time.process_time() - before
        score = pygmmis._Estep(model, log_p, near, inverse, total, x, covar=s) / len(x)
    return Run((model.amp, model.mean, model.covar), float(score), cpu)


def sklearn_step(x: np.ndarray, s: np.ndarray | None, state: State, steps: int = 1) -> Run:
    """GaussianMixture of scikit-learn, the errors ignored."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(len(state[0]), reg_covar=0)
    model.weights_, model.means_, model.covariances_ = copied(state)
    root = np.linalg.inv(np.linalg.cholesky(model.covariances_))
    model.precisions_cholesky_ = np.ascontiguousarray(root.swapaxes(1, 2))
    before = time.process_time()
    for _ in range(steps):
        _, log_q = model._e_step(x)
        model._m_step(x, log_q)
    cpu = time.process_time() - before
    state = model.weights_, model.means_, model.covariances_
    return Run(state, float(model.score(x)), cpu)


PEERS = {
    "astroML": ("astroML", astroml_step),
    "pygmmis": ("pygmmis", pygmmis_step),
    "scikit-learn": ("sklearn", sklearn_step),
}


def installed() -> dict:
    """The steps of those peers that are there."""
    return {
        name: step for name, (module, step) in PEERS.items() if importlib.util.find_spec(module)
    }


def nanoseconds(step, x, s, state, steps, turns=3) -> float:
    """Of CPU per point, component and iteration: the least of some turns after a warm one."""
    step(x[:100], None if s is None else s[:100], state, 1)
    least = min(step(x, s, state, steps).cpu for _ in range(turns))
    return 1e9 * least / (len(x) * len(state[0]) * steps)


def main():
    """Measure every peer on every case, in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    cases = CASES[:2] if options.quick else CASES
    rows = []
    for n, d, k in cases:
        x, s, state = problem(min(n, 10_000) if options.quick else n, d, k)
        for name, step in installed().items():
            keep = min(ASTROML_POINTS, len(x)) if name == "astroML" else len(x)
            ns = nanoseconds(step, x[:keep], s[:keep], state, steps=2)
            rows.append({"n": n, "d": d, "k": k, "points": keep, "peer": name, "ns": ns})
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("{n:>7} points, D = {d}, K = {k:>2}: {peer:<12} {ns:9.1f} ns".format(**row))
    for name in PEERS.keys() - installed().keys():
        print(f"{name}: not installed; uv sync --group benchmark")


if __name__ == "__main__":
    main()
