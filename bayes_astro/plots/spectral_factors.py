"""Figures of components of spectra: eigenspectra, gaps, coefficients, what each explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.plots import style

__all__ = ["FIGURES", "coefficients", "components", "explained", "gaps"]

MOST = 6  # components in a figure
SPECTRA = 4
CLASSES = ("blue", "vermilion", "green", "purple", "sky", "black", "grey")


def _wavelength(model: Any) -> tuple[np.ndarray, str]:
    data = model.data
    return data.wavelength, style.axis_label("wavelength", data.wavelength_unit)


def components(model: Any) -> style.Drawing:
    """The mean spectrum and the components of unit coefficients, with 68 and 95% bands.

    At most six components; what each explains of the variance of all is in its title.
    """
    x, label = _wavelength(model)
    draws = model.posterior["posterior"].to_dataset()
    count = min(MOST, draws.sizes["factor"])
    axes = style.panels(0.2 * (count + 1), rows=count + 1, columns=1, sharex=True)
    mean = draws["mean"].transpose("chain", "draw", "pixel").values.reshape(-1, len(x))
    style.bands(axes[0], x, mean, "curves", "median")
    axes[0].set_ylabel("mean")
    component = draws["component"].transpose("factor", "chain", "draw", "pixel").values
    share = _shares(model)
    for k in range(count):
        axis = axes[k + 1]
        style.bands(axis, x, component[k].reshape(-1, len(x)), "curves", "median")
        axis.axhline(0.0, color=style.COLOURS["grey"], linewidth=0.6, zorder=0)
        axis.set_ylabel(f"factor {k + 1}")
        axis.text(
            0.99, 0.94, f"{100 * share[k]:.3g}%", transform=axis.transAxes, ha="right", va="top",
            fontsize="small",
        )  # fmt: skip
    axes[-1].set_xlabel(label)
    style.legend_above(axes[0])
    return axes[0].figure


def _shares(model: Any) -> np.ndarray:
    values = model.posterior["posterior"]["eigenvalue"].values
    values = values.reshape(-1, values.shape[-1])
    return np.mean(values / values.sum(axis=1, keepdims=True), axis=0)


def gaps(model: Any, at: Any = None) -> style.Drawing:
    """Spectra with their reconstructions, 68 and 95%; gaps are shaded.

    `at`: other spectra on the same grid. Of many the four with the most pixels missing.
    """
    data = model.data if at is None else model._like(at)
    order = np.argsort(-data.missing.sum(axis=1), kind="stable")
    chosen = np.sort(order[: min(SPECTRA, len(data))])
    some = data[chosen]
    found = model.reconstruct(some)
    x, label = _wavelength(model)
    axes = style.panels(0.22 * len(some) + 0.05, rows=len(some), columns=1, sharex=True)
    step = np.diff(x)
    left = x - 0.5 * np.append(step[:1], step)
    right = x + 0.5 * np.append(step, step[-1:])
    for i, axis in enumerate(axes):
        one = found.isel(spectrum=i)
        for low, high, alpha, name in (("q025", "q975", 0.3, "95%"), ("q16", "q84", 0.6, "68%")):
            axis.fill_between(
                x, one[low], one[high], color=style.COLOURS["orange"], alpha=alpha, linewidth=0,
                label=f"{name} without noise", zorder=2,
            )  # fmt: skip
        axis.plot(x, some.flux[i], color=style.COLOURS["blue"], linewidth=0.6, label="measured")
        edge = np.diff(np.concatenate([[0], some.missing[i].astype(int), [0]]))
        shaded = "not measured"
        for a, b in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
            axis.axvspan(
                left[a], right[b - 1], color=style.COLOURS["grey"], alpha=0.2, linewidth=0,
                label=shaded, zorder=0,
            )  # fmt: skip
            shaded = ""
        name = some.names[i] if some.names is not None else f"row {chosen[i]}"
        axis.text(0.01, 0.94, str(name), transform=axis.transAxes, va="top", fontsize="small")
    style.label_outside(axes, label, style.axis_label("flux", data.unit))
    style.legend_above(axes[int(np.argmax(some.missing.any(axis=1)))])
    return axes[0].figure


def coefficients(model: Any, at: Any = None) -> style.Drawing:
    """Coefficients of each spectrum with their errors, the first against the next ones, by class.

    `at`: other spectra on the same grid.
    """
    data = model.data if at is None else model._like(at)
    from bayes_astro.draws import thinned
    from bayes_astro.spectra.predictions import moments

    draws = thinned(model.posterior["posterior"].to_dataset(), 100)
    mean, covariance = moments(draws, model.continuum, data)
    sd = np.sqrt(np.einsum("nkk->nk", covariance))
    pairs = [(0, k) for k in range(1, min(3, mean.shape[1]))] or [(0, 0)]
    axes = style.panels(0.5 if not style.narrow() else 0.9, columns=len(pairs))
    known = data.classes
    groups = [(name, data.label == name) for name in known] if known else []
    if not known or any(name is None for name in data.label):
        rest = np.ones(len(data), bool) if not known else np.array([x is None for x in data.label])
        groups.append(("spectra" if not known else "no label", rest))
    for axis, (a, b) in zip(axes, pairs, strict=True):
        for c, (name, rows) in enumerate(groups):
            axis.errorbar(
                mean[rows, a], mean[rows, b], sd[rows, b], sd[rows, a], fmt="o", ms=2,
                elinewidth=0.5, color=style.COLOURS[CLASSES[c % len(CLASSES)]], label=name,
            )  # fmt: skip
        axis.set_xlabel(f"coefficient of factor {a + 1}")
        axis.set_ylabel(f"coefficient of factor {b + 1}")
    style.legend_above(axes[0])
    return axes[0].figure


def explained(model: Any) -> style.Drawing:
    """The share of the components' variance that each explains, with 95%, and what hidden pixels say.

    The lower panel, where the number was chosen: log density of a hidden pixel by the number of
    factors, behind the best.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    values = model.posterior["posterior"]["eigenvalue"].values
    values = values.reshape(-1, values.shape[-1])
    share = values / values.sum(axis=1, keepdims=True)
    low, high = np.quantile(share, [0.025, 0.975], axis=0)
    choice = model.posterior["choice"].to_dataset() if "choice" in model.posterior else None
    axes = style.panels(0.5 if choice is None else 0.7, rows=1 + (choice is not None), columns=1)
    number = np.arange(1, share.shape[1] + 1)
    middle = np.median(share, axis=0)
    axes[0].errorbar(
        number, middle, [middle - low, high - middle], fmt="o", ms=4, color=style.COLOURS["blue"]
    )
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("share of variance")
    axes[0].set_xlabel("factor")
    axes[0].set_xticks(number)
    if choice is not None:
        axes[1].errorbar(
            choice["n_factors"], -choice["behind"], choice["behind_error"], fmt="o", ms=4,
            color=style.COLOURS["blue"],
        )  # fmt: skip
        axes[1].axvline(choice.attrs["chosen"], color=style.COLOURS["orange"], label="chosen")
        axes[1].set_xlabel("number of factors")
        axes[1].set_ylabel("log density behind the best")
        axes[1].set_yscale("symlog", linthresh=0.01)
        style.legend_above(axes[1])
    return axes[0].figure


FIGURES = {
    "components": components,
    "gaps": gaps,
    "coefficients": coefficients,
    "explained": explained,
}
