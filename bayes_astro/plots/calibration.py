"""Ranks of simulation-based calibration."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["ranks"]


def ranks(calibration: Any) -> style.Drawing:
    """Empirical minus uniform distribution of the ranks, with the band that holds 99% of curves."""
    from scipy.stats import kstwo

    labels = list(calibration.ranks)
    columns = min(3 if not style.narrow() else 2, len(labels))
    lines = -(-len(labels) // columns)
    axes = style.panels(0.3 * lines + 0.05, lines, columns, len(labels), sharex=True, sharey=True)
    band = kstwo.ppf(0.99, calibration.n)
    for axis, label in zip(axes, labels, strict=True):
        values = np.sort(calibration.ranks[label])
        difference = np.arange(1, len(values) + 1) / len(values) - values
        axis.axhspan(-band, band, color=style.COLOURS["sky"], alpha=0.3)
        axis.plot(values, difference, color=style.COLOURS["blue"])
        axis.axhline(0, color=style.COLOURS["grey"], linewidth=0.5)
        axis.set_title(label.replace("$", r"\$"))
    style.label_outside(axes, "rank of the truth", "distribution − uniform")
    return axes[0].figure
