"""How time and memory of a periodogram grow with points and with frequencies.

Each case in a process of its own: CPU seconds and peak memory of a whole fit of one harmonic, less those of a
fit of fifty points. Draws `growth.png` beside this file.

    uv run python benchmarks/growth.py
"""

import resource
import subprocess
import sys
import time as clock
from pathlib import Path

import numpy as np

import bayes_astro as ba

POINTS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
FREQUENCIES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
SPAN = 1000.0  # days; the fit scans five frequencies in one over it


def case(points, frequencies):
    """CPU seconds and megabytes of one fit."""
    rng = np.random.default_rng(1)
    time = np.sort(rng.uniform(0, SPAN, points))
    value = 12 + 0.2 * np.cos(2 * np.pi * time / 3.3) + 0.1 * rng.normal(size=points)
    data = ba.LightCurve(time, value, 0.1)
    small = data[:: max(1, points // 50)]
    ba.Periodogram(period=(1, 10)).fit(small, ba.Exact(1000), seed=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = clock.process_time()
    shortest = 1 / (0.01 + frequencies / (5 * SPAN))
    ba.Periodogram(period=(shortest, 100)).fit(data, ba.Exact(1000), seed=1)
    spent = clock.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(spent, grown / 1024)


def measured(points, frequencies):
    """The same in a new process."""
    command = [sys.executable, __file__, str(points), str(frequencies)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(x) for x in done.stdout.split()]


def drawn(by_points, by_frequencies):
    """A log-log plot of both."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(7.1, 5), layout="constrained", sharey="row")
    for column, (x, table, name) in enumerate(
        (
            (POINTS, by_points, "points (100,000 frequencies)"),
            (FREQUENCIES, by_frequencies, "frequencies (1000 points)"),
        )
    ):
        for row, label in enumerate(("CPU time of a fit [s]", "memory above a small fit [MB]")):
            axis = axes[row, column]
            y = np.maximum(np.array(table)[:, row], 1e-3)
            axis.loglog(x, y, "o-")
            axis.loglog(x, y[-1] * np.array(x) / x[-1], ":", color="grey", label="in proportion")
            axis.set_xlabel(name)
            axis.set_ylabel(label if column == 0 else "")
            axis.legend()
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        case(int(sys.argv[1]), int(sys.argv[2]))
        sys.exit()
    by_points = [measured(n, 100_000) for n in POINTS]
    by_frequencies = [measured(1000, n) for n in FREQUENCIES]
    for x, table in ((POINTS, by_points), (FREQUENCIES, by_frequencies)):
        for n, (spent, grown) in zip(x, table, strict=True):
            print(f"{n:>9}  {spent:8.3f} s  {grown:8.1f} MB")
        print()
    drawn(by_points, by_frequencies)
