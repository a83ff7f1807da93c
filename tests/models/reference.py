"""Make the reference results of models/*.toml anew: `python tests/models/reference.py`.

Each is a run ten times as long as the specification's own, with other seeds, that passes every
check; the numbers replace the [reference] tables of the files.
"""

import sys
from dataclasses import replace

import numpy as np
from arviz_stats.base import array_stats

import bayes_astro as ba
from bayes_astro import specs
from bayes_astro.diagnostics import scalars

LONG = {
    "Exact": {"draws": 40_000},
    "NUTS": {"draws": 10_000, "tune": 2000},
    "Laplace": {"draws": 40_000},
}
AXES = {"chain_axis": 0, "draw_axis": 1}


def reference(name):
    """The [reference] table of one specification as TOML."""
    spec = specs.read(name)
    sampler = replace(spec.chosen_sampler(), **LONG[spec.sampler["name"]])
    model = spec.model().fit(spec.load_data(), sampler, seed=20261123, progress=False)
    diagnosis = model.diagnose()
    assert diagnosis, diagnosis
    version = ba.__version__
    lines = [
        "[reference]",
        f'source = "bayes_astro {version}, {type(sampler).__name__} with '
        f"{model.posterior['posterior'].sizes['draw']} draws of "
        f"{model.posterior['posterior'].sizes['chain']} chains, seed 20261123; all checks passed "
        f'(tests/models/reference.py)"',
    ]
    seen = set()
    for label, draws, _ in scalars(model.posterior["posterior"].to_dataset()):
        name, _, index = label.partition("[")
        if model.converged_on() and name not in model.converged_on():
            continue  # as the order of components, another run's may be another
        entries = (name, *sorted(index.rstrip("]").split(", ")))
        if name.endswith("covariance") and entries in seen:
            continue  # the other half of a symmetric matrix
        if np.ptp(draws) <= 1e-9 * np.abs(draws).max():
            continue  # held, as the background of a mixture and errors taken as published
        seen.add(entries)
        lines += [
            "",
            f'[reference.values."{label}"]',
            f"mean = {draws.mean():.12g}",
            f"sd = {draws.std():.6g}",
            f"mcse = {float(array_stats.mcse(draws, method='mean', **AXES)):.3g}",
            f"mcse_sd = {float(array_stats.mcse(draws, method='sd', **AXES)):.3g}",
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path in specs.available().values():
        if sys.argv[1:] and path.stem not in sys.argv[1:]:
            continue
        text = path.read_text(encoding="utf-8").partition("[reference]")[0].rstrip()
        path.write_text(f"{text}\n\n{reference(path.stem)}", encoding="utf-8")
        print(path.name)
