"""Scargle's Bayesian blocks, the best division alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.blocks import cells, levels
from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.data.events import Events
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, number

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ScargleBlocks"]


@dataclass(eq=False, repr=False)
class ScargleBlocks(Baseline):
    """The best division into blocks, by astropy: which one there is, without how sure it is.

    Its prior of the number of blocks is geometric, calibrated by the share of false changes of a
    constant signal (Scargle et al. 2013, equation 21). Levels are those of least squares or of the counts in
    each block; their standard errors take the division as known. Gaps between good time intervals are cut
    out before, as astropy knows nothing of them; of counts every event stands in the middle of its bin.

    Parameters
    ----------
    false_changes : float
        Share p0 of series without a change in which one is found.

    Notes
    -----
    Variables ``block_start`` and ``block_level`` by ``block``.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> burst = ba.Events(np.sort([*np.arange(50.0), *np.linspace(20, 22, 40)]))
    >>> best = ba.baselines.ScargleBlocks().fit(burst)
    >>> best.posterior["posterior"].sizes["block"]
    3
    """

    false_changes: float = 0.05

    data_type: ClassVar[tuple[type, ...]] = (Events, Counts, LightCurve)
    settings: ClassVar[dict[str, Setting]] = {
        "false_changes": number(0.0, 1.0, "a number above 0 and below 1")
    }
    references: ClassVar[tuple[str, ...]] = ("scargle2013",)

    def check_data(self, data: Any) -> None:
        """As for the Bayesian model."""
        cells.check(data)

    def responses(self, data: Any) -> np.ndarray:
        """As for the Bayesian model."""
        from bayes_astro.blocks.bayesian_blocks import BayesianBlocks

        return BayesianBlocks().responses(data)

    def units(self, data: Any) -> dict[str, str]:
        """As for the Bayesian model."""
        from bayes_astro.blocks.bayesian_blocks import BayesianBlocks

        return BayesianBlocks().units(data)

    def estimate(self, data: Any) -> Any:
        """Starts and levels of the blocks; of starts the error is half of the gap that they lie in."""
        start = self._starts(data)
        own = cells.cells_of(data)
        first = np.clip(np.searchsorted(own.edges, start + 1e-12 * np.ptp(own.edges)) - 1, 0, None)
        first = np.unique(first)
        last = np.append(first[1:], len(own.share))
        f, e = own.first[last] - own.first[first], own.second[last] - own.second[first]
        if own.poisson:
            level, error = f / e, np.sqrt(np.maximum(f, 1.0)) / e
        else:
            level, error = f / e, 1 / np.sqrt(e)
        gap = np.diff(own.edges)[first]
        values = {"block_start": (("block",), own.edges[first]), "block_level": (("block",), level)}
        errors = {
            "block_start": (("block",), np.maximum(0.5 * gap, 1e-9 * np.ptp(own.edges))),
            "block_level": (("block",), error),
        }
        return values, errors, {"coords": {"block": np.arange(len(first))}}

    def _starts(self, data: Any) -> np.ndarray:
        from astropy.stats import bayesian_blocks

        options = {"p0": self.false_changes}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of p0, which is an approximation in astropy, too
            if isinstance(data, LightCurve):
                edges = bayesian_blocks(
                    data.time.copy(),
                    data.value.copy(),
                    data.error.copy(),
                    fitness="measures",
                    **options,
                )
                return np.asarray(edges[:-1])
            if isinstance(data, Counts):
                total = np.cumsum(data.exposure)
                middle = total - 0.5 * data.exposure
                seen = data.counts > 0
                if seen.sum() < 2:
                    return np.zeros(1)
                edges = bayesian_blocks(middle[seen], data.counts[seen].copy(), **options)
                return np.append(0.0, np.searchsorted(total, edges[1:-1] * (1 + 1e-12), "right"))
            lived = data.exposure_before(data.time)
            lived, number = np.unique(lived, return_counts=True)
            if len(lived) < 2:
                return np.array([data.span[0]])
            edges = bayesian_blocks(lived, number, **options)
        assert data.intervals is not None
        passed = data.exposure_before(data.intervals.ravel())
        inner = np.interp(edges[1:-1], passed, data.intervals.ravel())
        return np.append(data.span[0], inner)

    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """As for the Bayesian model."""
        import xarray as xr

        place = cells.places(data, at)
        level = levels.at_places(draws, place)
        seen = levels.observed(level, data, at, rng)
        found = {"signal": by_row(draws, level), "observation": by_row(draws, seen)}
        return xr.Dataset(found, {"place": ("row", place)})

    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """As for the Bayesian model."""
        return by_row(draws, levels.log_densities(draws, data, cells.places(data, data)))
