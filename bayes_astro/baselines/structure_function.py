"""The binned structure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import LightCurve
from bayes_astro.draws import by_row
from bayes_astro.parameters import in_unit
from bayes_astro.variability import structure_function_data as series_data
from bayes_astro.variability.stationary_increments import DRW

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BinnedStructureFunction"]

BLOCKS = 10  # left out in turn for the errors
FEWEST = 3  # pairs in a bin


@dataclass(eq=False, repr=False)
class BinnedStructureFunction(Baseline):
    r"""Mean squared differences in bins of lag, less the noise, and a law fitted to them.

    .. math:: SF^2(\mathrm{bin}) = \langle (y_i - y_j)^2 - e_i^2 - e_j^2 \rangle

    over the pairs of a series whose lag lies in the bin; bins are equal in log lag. The errors are
    those of a jackknife over ten blocks of time (over the series, where there are ten or more):
    pairs share points, so that their number says little. The law is fitted to the bins by weighted
    least squares, as is customary, though neighbouring bins are not independent.

    Parameters
    ----------
    form : {"damped-random-walk", "power-law"}
        The law, as for `ba.StructureFunction`.
    reference : float or Quantity
        Lag at which ``sf_reference`` is the power law's value.
    bins : int
        Bins of lag.

    Notes
    -----
    Group ``structure_function``: ``squared``, ``squared_error`` and ``pairs`` over ``lag`` (the
    mean lag of each bin). Where the noise exceeds the differences ``squared`` is negative.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> quasar = ba.load("macho-quasar").select("R")
    >>> binned = ba.baselines.BinnedStructureFunction(bins=8).fit(quasar)
    >>> binned.posterior["structure_function"].sizes["lag"]  # bins that have pairs
    6
    """

    form: str = DRW
    reference: Any = 1.0
    bins: int = 12

    data_type: ClassVar[type] = LightCurve
    references: ClassVar[tuple[str, ...]] = ("kozlowski2016", "emmanoulopoulos2010")

    def _task(self) -> Any:
        from bayes_astro.variability.structure_function import StructureFunction

        return StructureFunction(self.form, self.reference)

    def check_settings(self) -> None:
        """As for the Bayesian model; at least three bins."""
        self._task().check_all_settings()
        whole = isinstance(self.bins, int | np.integer) and not isinstance(self.bins, bool)
        if not whole or not 3 <= self.bins <= 1000:
            raise ValueError(f"bins={self.bins!r} must be a whole number from 3 to 1000.")

    def check_data(self, data: LightCurve) -> None:
        """As for the Bayesian model."""
        series_data.check(data, series_data.MOST_POINTS)

    def units(self, data: LightCurve) -> dict[str, str]:
        """As for the Bayesian model."""
        return self._task().units(data)

    def estimate(self, data: LightCurve) -> Any:
        """Binned squares with jackknife errors, and the law that fits them best."""
        import xarray as xr

        lag, squared, error, pairs = binned(data, int(self.bins))
        values, errors = self._law(data, lag, squared, error)
        _, _, spread, means = series_data.scales(data)
        counts = np.array([len(rows) for rows in series_data.series(data)])
        group = xr.Dataset(
            {
                "squared": ("lag", squared),
                "squared_error": ("lag", error),
                "pairs": ("lag", pairs),
            },
            {"lag": lag},
        )
        values["offset"] = (("series",), means)
        errors["offset"] = (("series",), spread / np.sqrt(counts))
        groups = {"structure_function": group, "coords": {"series": series_data.names(data)}}
        return values, errors, groups

    def _law(
        self, data: LightCurve, lag: np.ndarray, squared: np.ndarray, error: np.ndarray
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weighted least squares, by SF^2, within a thousand times the range of the data."""
        from scipy.optimize import least_squares

        span, _, spread, _ = series_data.scales(data)
        shape = (
            {"sf_infinity": 1, "tau": 1} if self.form == DRW else {"sf_reference": 1, "gamma": 0}
        )

        def law(x: np.ndarray) -> np.ndarray:
            values = np.exp(x[0]), np.exp(x[1]) if self.form == DRW else x[1]
            if self.form == DRW:
                return values[0] ** 2 * -np.expm1(-lag / values[1])
            return values[0] ** 2 * (lag / span) ** (2 * values[1])

        top = np.log(np.sqrt(2) * spread)
        second = (np.log(span / 10), np.log(lag[0] / 1e3), np.log(1e3 * span))
        if self.form != DRW:
            second = (0.3, 0.0, 1.0)
        fit = least_squares(
            lambda x: (law(x) - squared) / error,
            [top, second[0]],
            bounds=([top - 7, second[1]], [top + 7, second[2]]),
        )
        deviation = np.sqrt(np.maximum(np.diag(np.linalg.pinv(fit.jac.T @ fit.jac)), 1e-24))
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        first = np.exp(fit.x[0])
        if self.form != DRW:  # fitted at the lag of the span, quoted at the reference
            first *= (in_unit("reference", self.reference, data.time_unit) / span) ** fit.x[1]
        found = (first, np.exp(fit.x[1]) if self.form == DRW else fit.x[1])
        for i, (name, log) in enumerate(shape.items()):
            values[name] = ((), found[i])
            errors[name] = ((), deviation[i] * (found[i] if log else 1.0))
        return values, errors

    def forecast(
        self, draws: xr.Dataset, data: LightCurve, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for the Bayesian model."""
        return series_data.forecast(self.form, self.reference, draws, data, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: LightCurve, at: LightCurve, rng: np.random.Generator
    ) -> xr.DataArray:
        """As for the Bayesian model."""
        value = series_data.replicate(self.form, self.reference, draws, data, at, rng)
        return by_row(draws, value)

    def pointwise(self, draws: xr.Dataset, data: LightCurve) -> xr.DataArray:
        """As for the Bayesian model."""
        density = series_data.log_density(self.form, self.reference, draws, self.data, data)
        return by_row(draws, density)

    def structure_function(self, lag: Any) -> xr.DataArray:
        """Structure function of the fitted law.

        Parameters
        ----------
        lag : array_like or Quantity, shape (l,)
            In the time unit of the data.

        Returns
        -------
        xarray.DataArray
            (chain, draw, lag), in the unit of the values.
        """
        draws = self.posterior["posterior"].to_dataset()
        return series_data.structure_function(self.form, self.reference, draws, self.data, lag)


def binned(data: LightCurve, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean lag, SF^2, its jackknife error and the number of pairs, of every bin with pairs."""
    parts = list(series_data.series(data))
    span, *_ = series_data.scales(data)
    shortest = min(
        float(gaps[gaps > 0].min())
        for gaps in (np.diff(data.time[rows]) for rows in parts)
        if np.any(gaps > 0)
    )
    edges = np.geomspace(shortest * (1 - 1e-9), span * (1 + 1e-9), bins + 1)
    by_series = len(parts) >= BLOCKS
    blocks = len(parts) if by_series else BLOCKS
    # Sums over pairs by (block of one point, block of the other, bin).
    sums = np.zeros((3, blocks, blocks, bins))
    for k, rows in enumerate(parts):
        time, value, error = data.time[rows], data.value[rows], data.error[rows]
        own = np.full(len(rows), k) if by_series else np.arange(len(rows)) * blocks // len(rows)
        i, j = np.triu_indices(len(rows), 1)
        lag = time[j] - time[i]
        at = np.searchsorted(edges, lag, side="right") - 1
        keep = (at >= 0) & (at < bins)
        i, j, lag, at = i[keep], j[keep], lag[keep], at[keep]
        square = (value[j] - value[i]) ** 2 - error[i] ** 2 - error[j] ** 2
        for total, weight in zip(sums, (np.ones_like(lag), lag, square), strict=True):
            np.add.at(total, (own[i], own[j], at), weight)
    count, lag_sum, square_sum = sums.sum(axis=(1, 2))
    good = count >= FEWEST
    if good.sum() < 2:
        raise ValueError("Fewer than two bins hold three pairs: take fewer bins.")
    # Leaving out a block leaves out every pair that it has a part in.
    diagonal = np.einsum("skkb->skb", sums)
    left = sums.sum(axis=(1, 2))[:, None] - sums.sum(axis=1) - sums.sum(axis=2) + diagonal
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = square_sum / count
        each = np.where(left[0] > 0, left[2] / left[0], squared)
    error = np.sqrt((blocks - 1) / blocks * np.sum((each - each.mean(axis=0)) ** 2, axis=0))
    # A block may hold all pairs of a bin: then the scatter of the values stands for its error.
    least = np.abs(np.nanmean(np.where(good, squared, np.nan))) / np.sqrt(np.maximum(count, 1))
    error = np.maximum(error, 0.1 * least)
    return lag_sum[good] / count[good], squared[good], error[good], count[good]
