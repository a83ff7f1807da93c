"""Effective draws of NUTS, per CPU second and per thousand gradients, by sampler and metric.

    python benchmarks/adaptation.py [name ...] [--json] [--quick]

PyMC's step with its diagonal metric, beside nutpie's diagonal, low-rank and full ones, on the same
compiled density with the task's own ``target_accept``: the smallest bulk effective sample size of the
variables on which convergence is judged. Second fits of a process: compiling is not in them.
Claim: the default, nutpie's low-rank metric, needs no more gradients for an effective draw than PyMC.
"""

import argparse
import json
import time
import warnings

import numpy as np

import bayes_astro as ba

rng = np.random.default_rng(2)
KERNELS = ba.kernels


def quasar():
    """A light curve in one band."""
    return ba.load("macho-quasar").select("B")[::4]


def points(columns, n=60):
    """Points about a plane."""
    x = rng.normal(size=(n, columns - 1))
    y = x.sum(axis=1) + 0.5 * rng.normal(size=n)
    names = [*"abcd"[: columns - 1], "y"]
    return ba.Measurements(np.column_stack([x, y]), np.full((n, columns), 0.2), names=names)


def groups():
    """Two clusters of points with errors."""
    x = rng.normal(size=(150, 2)) + 4 * rng.integers(0, 2, (150, 1))
    return ba.Measurements(x, np.full((150, 2), 0.3))


def bins():
    """Probabilities of ten bins."""
    return ba.BinnedRedshifts(
        rng.dirichlet(np.ones(10) / 2, 400), np.linspace(0, 1, 11), np.ones(10) / 10
    )


def damping():
    """Damping times of thirty objects."""
    mass = rng.normal(8, 0.7, 30)
    draws = (2 + 0.4 * (mass - 8))[:, None] + 0.3 * rng.normal(size=(30, 200))
    return ba.DampingTimes(draws, np.zeros((30, 200)), mass, rng.uniform(0.1, 0.4, 30))


CASES = {
    "line": (lambda: ba.LinearRelation("y"), lambda: ba.load("hogg-2010")[4:]),
    "line-outliers": (
        lambda: ba.LinearRelation("y", outliers=True),
        lambda: ba.load("hogg-2010"),
    ),
    "plane": (lambda: ba.LinearRelation("y"), lambda: points(3)),
    "walk": (lambda: ba.GaussianProcess(KERNELS.DampedRandomWalk()), quasar),
    "oscillator": (lambda: ba.GaussianProcess(KERNELS.SHO()), quasar),
    "rotation": (lambda: ba.GaussianProcess(KERNELS.Rotation()), quasar),
    "structure-function": (lambda: ba.StructureFunction(), quasar),
    "mixture": (lambda: ba.ExtremeDeconvolution(2), groups),
    "n-of-z": (lambda: ba.PopulationNz(), bins),
    "damping-relation": (lambda: ba.HierarchicalDRW(), damping),
    "rates": (lambda: ba.PoissonRate(), lambda: ba.load("pump-failures")),
}
SETTINGS = {
    "pymc": {"backend": "pymc"},
    "diagonal": {"metric": "diagonal"},
    "low-rank": {},
    "full": {"metric": "full"},
}


def measured(model, data, sampler):
    """CPU seconds, effective draws, gradients, divergences of a second fit."""
    for seed in (1, 2):
        before = time.process_time()
        fitted = model.copy().fit(data, sampler, seed=seed, progress=False)
        cpu = time.process_time() - before
    table, names = fitted.summary(), fitted.converged_on()
    kept = [label for label in table.index if not names or label.split("[")[0] in names]
    statistics = fitted.posterior["sample_stats"]
    return {
        "cpu_s": cpu,
        "effective": float(table.loc[kept, "ess_bulk"].min()),
        "gradients": int(statistics["n_steps"].sum()),
        "divergences": int(statistics["diverging"].sum()),
    }


def main():
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a fifth of the draws")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    draws = 200 if options.quick else 1000
    result = {}
    for name in options.name or CASES:
        model, data = (make() for make in CASES[name])
        accept = getattr(model.default_sampler(data)[0], "target_accept", 0.9)
        result[name] = {
            label: measured(model, data, ba.NUTS(draws, draws, target_accept=accept, **settings))
            for label, settings in SETTINGS.items()
        }
        if not options.json:
            for label, row in result[name].items():
                second = row["effective"] / row["cpu_s"]
                each = 1e3 * row["effective"] / row["gradients"]
                print(
                    f"{name:20} {label:10} {second:8.0f} per CPU s {each:6.0f} per 1000 gradients"
                    f" {row['divergences']:4d} divergences",
                    flush=True,
                )
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
