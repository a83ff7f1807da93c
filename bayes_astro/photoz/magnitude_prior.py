r"""How types and redshifts depend on magnitude, and the likelihood of that.

.. code-block:: text

    p(t | m) ~ weight_t exp(fading_c(t) (m - m0))
    p(z | c, m) ~ z^shape_c exp(-(z / z_m)^shape_c),   log z_m = log depth_c + growth_c (m - m0)

both normalised, the second by a sum over bins up to the largest redshift. With L_it the likelihood of the
fluxes of object i for type t at its known redshift, or L_itk in bin k where it is not known,

.. code-block:: text

    log p = sum_known log sum_t L_it p(t | m_i) p(z_i | t, m_i)
          + sum_others log sum_tk L_itk p(t | m_i) P(k | t, m_i)

The functions take NumPy arrays or, with ``xp`` PyTensor, symbolic ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.data import Photometry

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.photoz.template_grid import TemplateGrid

__all__ = ["Magnitudes", "averaged_table", "log_likelihood", "pointwise"]

STEP = 0.1
MOST_BINS = 80
DRAWS = 200
"""Draws of the posterior that a table is averaged over, if there are more."""


@dataclass(frozen=True)
class Magnitudes:
    """Magnitudes of reference in bins of equal width.

    Parameters
    ----------
    reference : int
        Its band.
    offset : (B,) array
        Median of the reference magnitude less that of each band.
    start, step : float
    count : int
    middle : float
        m0, the median.
    """

    reference: int
    offset: np.ndarray
    start: float
    step: float
    count: int
    middle: float

    @classmethod
    def of(cls, data: Photometry, reference: int) -> Magnitudes:
        """From the range of a sample, the outermost half per cent left to the last bins."""
        each = _magnitudes(data)
        with np.errstate(invalid="ignore"):
            both = ~np.isnan(each) & ~np.isnan(each[:, [reference]])
            difference = np.where(both, each[:, [reference]] - each, np.nan)
        offset = np.array([np.nanmedian(d) if ok.any() else 0.0 for d, ok in zip(
            difference.T, both.T, strict=True)])  # fmt: skip
        measured = each[:, reference][~np.isnan(each[:, reference])]
        measured = measured if len(measured) else each[~np.isnan(each)]
        low, high = np.quantile(measured, [0.005, 0.995])
        step = max(STEP, (high - low) / MOST_BINS)
        count = max(1, int(np.ceil((high - low) / step)))
        return cls(reference, offset, float(low), float(step), count, float(np.median(measured)))

    def values(self, data: Photometry) -> np.ndarray:
        """Magnitude of reference: the measured one, or by the other bands' mean colours."""
        each = _magnitudes(data)
        own = each[:, self.reference]
        shifted = each + self.offset
        counts = (~np.isnan(shifted)).sum(axis=1)
        others = np.where(
            counts > 0, np.nansum(shifted, axis=1) / np.maximum(counts, 1), self.middle
        )
        return np.where(np.isnan(own), others, own)

    def flux(self, data: Photometry) -> np.ndarray:
        """Of `values`."""
        return 10 ** (-0.4 * self.values(data))

    def bins(self, data: Photometry) -> np.ndarray:
        """Bin of every object, those beyond the ends in the last one."""
        at = np.floor((self.values(data) - self.start) / self.step).astype(np.int64)
        return np.clip(at, 0, self.count - 1)

    @property
    def centred(self) -> np.ndarray:
        """m - m0 at the middle of every bin."""
        return self.start + self.step * (np.arange(self.count) + 0.5) - self.middle


def _magnitudes(data: Photometry) -> np.ndarray:
    """-2.5 log10 of the fluxes, of one standard deviation where they are below it; nan: missing."""
    return -2.5 * np.log10(np.fmax(data.flux, data.error))


def _logsumexp(xp: Any, value: Any, axis: int) -> Any:
    top = xp.max(value, axis=axis, keepdims=True)
    return top + xp.log(xp.sum(xp.exp(value - top), axis=axis, keepdims=True))


def types(xp: Any, grid: TemplateGrid, free: dict[str, Any]) -> Any:
    """log p(t | m): (M, T)."""
    value = xp.log(free["weight"])[None, :] + np.zeros((grid.magnitude.count, 1))
    if "fading" in free:  # of several classes
        slope = free["fading"][grid.class_of]
        value = value + slope[None, :] * grid.magnitude.centred[:, None]
    return value - _logsumexp(xp, value, 1)


def middles(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log z in the middle of bins of log(1 + z), and the logarithm of their width in z."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    return np.log(np.expm1(middle)), np.log(np.diff(edges)) + middle


def redshifts(xp: Any, free: dict[str, Any], centred: np.ndarray, edges: np.ndarray) -> Any:
    """log z_m (M, C), the log normalisation (M, C), and log P of every bin: (M, C, K)."""
    log_z, log_width = middles(edges)
    log_depth = xp.log(free["depth"])[None, :] + free["growth"][None, :] * centred[:, None]
    shape = free["shape"][None, :, None]
    value = shape * log_z - xp.exp(xp.clip(shape * (log_z - log_depth[:, :, None]), -60, 60))
    value = value + log_width
    norm = _logsumexp(xp, value, 2)
    return log_depth, norm[:, :, 0], value - norm


def at_known(xp: Any, free: dict[str, Any], log_depth: Any, norm: Any, held: Any) -> Any:
    """p(z_i | c, m_i) of objects with known redshift: (n, C)."""
    shape, rows, log_z = free["shape"][None, :], held["row"], held["log_redshift"][:, None]
    power = xp.exp(xp.clip(shape * (log_z - log_depth[rows]), -60, 60))
    return xp.exp(shape * log_z - power - norm[rows])


def log_likelihood(grid: TemplateGrid, free: dict[str, Any], held: Any, pt: Any) -> Any:
    """Of all objects, a PyTensor scalar; `held` are the arrays of `TemplateGrid`."""
    from bayes_astro.likelihoods.ops import TemplateTableDensity

    kinds = types(pt, grid, free)
    log_depth, norm, bins = redshifts(pt, free, grid.magnitude.centred, grid.coarse)
    total = pt.zeros(())
    if held["ratio"].get_value(borrow=True).shape[0]:
        density = at_known(pt, free, log_depth, norm, held)
        member = np.eye(len(grid.classes))[grid.class_of]  # (T, C)
        each = held["ratio"] * pt.exp(kinds)[held["row"]]
        total += pt.sum(pt.log(pt.sum(density * pt.dot(each, member), axis=1)))
    if held["cell_ratio"].get_value(borrow=True).shape[0]:
        table = pt.exp(kinds[:, :, None] + bins[:, grid.class_of, :])
        flat = table.reshape((table.shape[0], -1))
        total += TemplateTableDensity()(flat, held["cell_ratio"], held["cell_row"])[0]
    return total


def _each(draws: xr.Dataset, most: int | None = None) -> list[dict[str, np.ndarray]]:
    """The draws one by one, or `most` of them evenly spaced."""
    flat = {}
    for name in ("weight", "fading", "depth", "growth", "shape"):
        if name not in draws:
            continue
        value = draws[name].transpose("chain", "draw", ...).values
        flat[name] = value.reshape(-1, value.shape[-1])
    count = len(flat["weight"])
    rows = np.arange(count)
    if most is not None and count > most:
        rows = np.linspace(0, count - 1, most).round().astype(int)
    return [{name: value[i] for name, value in flat.items()} for i in rows]


def averaged_table(grid: TemplateGrid, draws: xr.Dataset) -> np.ndarray:
    """Mean over draws of P(t, bin | m): (M, T, J)."""
    found = np.zeros((grid.magnitude.count, len(grid.class_of), len(grid.edges) - 1))
    each = _each(draws, DRAWS)
    for one in each:
        kinds = np.exp(types(np, grid, one))
        bins = np.exp(redshifts(np, one, grid.magnitude.centred, grid.edges)[2])
        found += kinds[:, :, None] * bins[:, grid.class_of, :]
    return found / len(each)


def pointwise(
    grid: TemplateGrid, draws: xr.Dataset, data: Photometry, known: np.ndarray
) -> np.ndarray:
    """Terms of the log likelihood by draw and object; 0 for objects that do not enter."""
    others = ~known & ~data.missing.all(axis=1)
    if data.redshift is not None:
        others &= np.isnan(np.asarray(data.redshift))
    spectra = grid.spectroscopic(data, np.flatnonzero(known)) if known.any() else None
    cells = grid.photometric(data, np.flatnonzero(others)) if others.any() else None
    each = _each(draws)
    values = np.zeros((len(each), len(data)))
    member = np.eye(len(grid.classes))[grid.class_of]
    for s, one in enumerate(each):
        kinds = types(np, grid, one)
        log_depth, norm, bins = redshifts(np, one, grid.magnitude.centred, grid.coarse)
        if spectra is not None:
            density = at_known(np, one, log_depth, norm, spectra)
            share = spectra["ratio"] * np.exp(kinds)[spectra["row"]]
            values[s, known] = np.log(np.sum(density * (share @ member), axis=1))
        if cells is not None:
            table = np.exp(kinds[:, :, None] + bins[:, grid.class_of, :])
            flat = table.reshape(len(table), -1)[cells["cell_row"]]
            values[s, others] = np.log(np.sum(flat * cells["cell_ratio"], axis=1))
    return values.reshape(draws.sizes["chain"], draws.sizes["draw"], len(data))
