"""Densities of redshift on a grid of log(1 + z), constant within its bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.photoz.scores import redshift_scores

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["OnGrid"]

LEVELS = {"median": 0.5, "low_68": 0.16, "high_68": 0.84, "low_95": 0.025, "high_95": 0.975}


class OnGrid:
    """What follows from `table`: densities anywhere, summaries, draws, scores."""

    _internal: ClassVar[tuple[str, ...]] = ("drawn", "table")
    _cached: Any = None
    """What was made of the fitted tree, with the tree."""

    def table(self, photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the bins of log(1 + z), and the density in each for every object: (n, bins)."""
        raise NotImplementedError

    def object_summary(self, at: Photometry, **options: Any) -> pd.DataFrame:
        """Mode, mean, median and central intervals of every object."""
        import pandas as pd

        return pd.DataFrame(summaries(*self.table(at)))

    def pdf(self, photometry: Photometry, z: Any) -> xr.DataArray:
        """Density of redshift of every object on a grid.

        Parameters
        ----------
        photometry : Photometry
            Bands are matched by name.
        z : array_like, shape (g,)
            Increasing redshifts.

        Returns
        -------
        xarray.DataArray
            (row, z), per unit of redshift.
        """
        import xarray as xr

        z = np.asarray(z, dtype=float)
        edges, density = self.table(photometry)
        bins = len(edges) - 1
        at = np.searchsorted(edges, np.log1p(z), side="right") - 1
        inside = (at >= 0) & (at < bins)
        values = np.where(inside, density[:, np.clip(at, 0, bins - 1)], 0.0) / (1 + z)
        return xr.DataArray(values, {"z": z}, ("row", "z"), name="density")

    def log_density_at(self, photometry: Photometry) -> np.ndarray:
        """Log density of the known redshift of every object.

        Parameters
        ----------
        photometry : Photometry
            With redshifts.

        Returns
        -------
        array (n,)
            In nats, per unit of redshift; nan where the redshift is not known.
        """
        edges, density = self.table(photometry)
        bins = len(edges) - 1
        t = np.log1p(self.responses(photometry))  # type: ignore[attr-defined]
        at = np.searchsorted(edges, t, side="right") - 1
        inside = (at >= 0) & (at < bins)
        values = density[np.arange(len(t)), np.clip(at, 0, bins - 1)]
        with np.errstate(divide="ignore"):
            return np.log(np.where(inside, values, 0.0)) - t

    def pit(self, photometry: Photometry) -> np.ndarray:
        """Probability below the known redshift of every object, uniform if p(z) is calibrated.

        Parameters
        ----------
        photometry : Photometry
            With redshifts.

        Returns
        -------
        array (n,)
            From 0 to 1; nan where the redshift is not known.
        """
        edges, density = self.table(photometry)
        below = _below(edges, density)
        t = np.log1p(self.responses(photometry))  # type: ignore[attr-defined]
        return np.array([np.interp(t[i], edges, below[i]) for i in range(len(t))])

    def drawn(self, at: Any, chains: int, draws: int, rng: np.random.Generator) -> xr.Dataset:
        """``signal`` and ``observation``, redshifts of every object: (chain, draw, row)."""
        import xarray as xr

        if not isinstance(at, Photometry):
            raise ValueError(f"expected a Photometry, got {type(at).__name__}.")
        edges, density = self.table(at)
        below = _below(edges, density)
        uniform = rng.uniform(size=(chains * draws, len(at)))
        t = np.stack([np.interp(uniform[:, i], below[i], edges) for i in range(len(at))], axis=1)
        entry = (("chain", "draw", "row"), np.expm1(t).reshape(chains, draws, len(at)))
        return xr.Dataset({"signal": entry, "observation": entry})

    def scores(self, test: Photometry) -> dict[str, float]:
        """Those of photometric redshifts."""
        return redshift_scores(self, test)


def summaries(edges: np.ndarray, density: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of mode, mean and quantiles."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    below = _below(edges, density)
    columns = {
        "mode": np.expm1(middle[np.argmax(density * np.exp(-middle), axis=1)]),
        "mean": (density * np.diff(edges)) @ np.expm1(middle),
    }
    levels = list(LEVELS.values())
    quantiles = np.expm1([np.interp(levels, row, edges) for row in below])
    return columns | dict(zip(LEVELS, quantiles.T, strict=True))


def _below(edges: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Distribution functions at the edges, (n, bins + 1)."""
    steps = np.cumsum(density * np.diff(edges), axis=1)
    return np.concatenate([np.zeros((len(steps), 1)), steps / steps[:, -1:]], axis=1)
