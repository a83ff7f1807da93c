"""Figures of template fits: those of photometric redshifts, and what the templates lacked."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import photoz, style

__all__ = ["FIGURES", "corrections"]


def corrections(model: Any) -> style.Drawing:
    """The learned correction of every template in each band, and the error that remains."""
    from matplotlib import colormaps

    group = model.posterior["templates"]
    correction = group["correction"].values
    bands = [str(band) for band in group["band"].values]
    z = group["node_redshift"].values
    columns = 3 if not style.narrow() else 2
    rows = -(-len(bands) // columns)
    axes = style.panels(
        0.6 if not style.narrow() else 1.4, rows, columns, len(bands), sharex=True, sharey=True
    )
    reach = float(np.quantile(np.abs(correction), 0.98)) * 1.3 + 0.02
    shades = colormaps["cividis"](np.linspace(0, 0.95, len(correction)))
    for j, axis in enumerate(axes):
        error = float(group["template_error"].values[j])
        axis.axhspan(-error, error, color=style.COLOURS["orange"], alpha=0.3, linewidth=0)
        for t, line in enumerate(correction[:, j]):
            axis.plot(z, line, color=shades[t], linewidth=0.8)
        axis.set_title(bands[j].replace("$", r"\$"), fontsize="medium")
        axis.set(ylim=(-reach, reach), xlim=(0, z[-1]))
    style.label_outside(
        axes, "redshift", "correction of the flux, by type (band: error that remains)"
    )
    return axes[0].figure


FIGURES = {name: f for name, f in photoz.FIGURES.items() if name != "error_scales"} | {
    "corrections": corrections
}
