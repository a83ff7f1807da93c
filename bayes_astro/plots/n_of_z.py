"""The figure of N(z): its band, and what adding up the objects gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["FIGURES", "distribution"]


def distribution(model: Any) -> style.Drawing:
    """N(z) with its 68 and 95% bands, the stacked densities and the interim prior."""
    data, posterior = model.data, model.posterior["posterior"]
    width = np.diff(data.edges)
    density = posterior["density"].values.reshape(-1, len(width))
    (axis,) = style.panels(0.55 if not style.narrow() else 0.95)
    line: dict[str, Any] = {"baseline": None, "linewidth": 1.2}
    stacked = data.probability.mean(axis=(0, 1)) / width
    prior = data.interim_prior.mean(axis=0) / width
    if len(density) > 1:
        for label, low, high, alpha in (("95%", 0.025, 0.975, 0.3), ("68%", 0.16, 0.84, 0.6)):
            low, high = np.quantile(density, [low, high], axis=0)
            axis.fill_between(
                data.edges, np.append(low, low[-1]), np.append(high, high[-1]), step="post",
                alpha=alpha, linewidth=0, color=style.COLOURS["orange"], label=label,
            )  # fmt: skip
    axis.stairs(density.mean(axis=0), data.edges, color="black", label="mean", **line)
    axis.stairs(stacked, data.edges, color=style.COLOURS["sky"], label="stacked", **line)
    axis.stairs(prior, data.edges, color="grey", linestyle=":", label="interim prior", **line)
    axis.set(xlabel="redshift", ylabel="density", ylim=(0, None), xlim=data.edges[[0, -1]])
    style.legend_above(axis)
    return axis.figure


FIGURES = {"distribution": distribution}
