"""Densities that take measurements for true values: a Gaussian mixture and a kernel density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import Measurements
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.parameters import Setting, whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GaussianMixture", "KernelDensity"]


class ErrorFree(Baseline):
    """What the two share: complete rows, whose errors are ignored."""

    data_type: ClassVar[type] = Measurements
    instead: ClassVar[str] = "ba.ExtremeDeconvolution"  # what takes such data
    _internal: ClassVar[tuple[str, ...]] = ("instead",)

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for what a density without errors cannot take."""
        self._complete(data)
        if len(data) < 2 or np.any(np.ptp(data.value, axis=0) == 0):
            name = type(self).__name__
            raise ValueError(f"{name} needs two different rows or more, in every column.")

    def _complete(self, data: Measurements) -> None:
        """Raise ValueError for projections and for rows with gaps; also of data to score."""
        name = type(self).__name__
        if data.projection is not None:
            raise ValueError(f"{name} has no projections: use {self.instead}.")
        if data.missing.any():
            row, column = np.argwhere(data.missing)[0]
            raise ValueError(
                f"column {data.names[column]!r}, row {row}: missing value, which {name} cannot "
                f"take. Drop such rows, data[~data.missing.any(axis=1)], or use {self.instead}."
            )

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The measured values themselves: without errors there is nothing to take off.

        Returns
        -------
        xarray.Dataset
            ``signal`` and ``observation``: (chain, draw, row, column).
        """
        import xarray as xr

        if not isinstance(at, Measurements) or at.names != data.names:
            raise ValueError(f"expected Measurements of {', '.join(data.names)}.")
        self._complete(at)
        shape = (draws.sizes["chain"], draws.sizes["draw"], *at.value.shape)
        entry = (("chain", "draw", "row", "column"), np.broadcast_to(at.value, shape).copy())
        return xr.Dataset({"signal": entry, "observation": entry}, {"column": list(at.names)})


@dataclass(eq=False, repr=False)
class GaussianMixture(ErrorFree):
    """A mixture of Gaussians of the measured values, their errors ignored.

    scikit-learn's. Standard errors are those of components whose members are known: too small where
    they overlap.

    Parameters
    ----------
    n_components : int
        Number of Gaussians.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.load("hogg-2010")
    >>> mixture = ba.baselines.GaussianMixture(2).fit(data)
    >>> mixture.posterior["posterior"]["mean"].shape
    (1, 1, 2, 2)
    """

    n_components: int

    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)

    settings: ClassVar[dict[str, Setting]] = {"n_components": whole(1)}

    @classmethod
    def of(cls, model: Any, *arguments: Any, **options: Any) -> GaussianMixture:
        """With as many components as a Bayesian model."""
        return cls(
            *arguments, **({} if arguments else {"n_components": model.components}) | options
        )

    def estimate(self, data: Measurements) -> Any:
        """Weights, means and covariances."""
        from sklearn.mixture import GaussianMixture as Mixtures

        if len(data) < self.n_components:
            raise ValueError(
                f"{len(data)} rows are too few for {self.n_components} components: use fewer."
            )
        # scikit-learn adds 1e-6 to variances, in whatever unit they are: scaled columns first.
        shift, scale = data.value.mean(axis=0), data.value.std(axis=0)
        found = Mixtures(self.n_components, n_init=10, random_state=0, max_iter=1000, tol=1e-6)
        found.fit((data.value - shift) / scale)
        weight = found.weights_
        mean = shift + scale * found.means_
        covariance = found.covariances_ * np.outer(scale, scale)
        names = list(data.names)
        whole = Mixture(weight[None], mean[None], covariance[None], data.names)
        total = whole.total_covariance()[0]
        own = np.diag(total)
        values = {
            "total_mean": (("dimension",), whole.total_mean()[0]),
            "total_covariance": (("dimension", "dimension_2"), total),
            "weight": (("component",), weight),
            "mean": (("component", "dimension"), mean),
            "covariance": (("component", "dimension", "dimension_2"), covariance),
        }
        share, centre, spread = of_components(weight, covariance, len(data))
        errors = {
            "total_mean": (("dimension",), np.sqrt(own / len(data))),
            "total_covariance": (
                ("dimension", "dimension_2"),
                np.sqrt((np.outer(own, own) + total**2) / len(data)),
            ),
            "weight": (("component",), share),
            "mean": (("component", "dimension"), centre),
            "covariance": (("component", "dimension", "dimension_2"), spread),
        }
        coords = {
            "component": [str(k) for k in range(self.n_components)],
            "dimension": names,
            "dimension_2": names,
        }
        return values, errors, {"coords": coords}

    def mixture(self) -> Mixture:
        """The density as a mixture of true values, of one draw.

        Returns
        -------
        Mixture
            With ``condition``, ``marginal``, ``log_density``, as that of `ba.ExtremeDeconvolution`.
        """
        return Mixture.of(self.posterior["posterior"].to_dataset())

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measured row: (chain, draw, row)."""
        import xarray as xr

        self._complete(data)
        values = Mixture.of(draws).log_density(data.value)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New rows from the density: (chain, draw, row, column)."""
        import xarray as xr

        values = Mixture.of(draws).sample(len(at), int(rng.integers(2**31)))
        shape = (draws.sizes["chain"], draws.sizes["draw"], *at.value.shape)
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row", "column"))


def of_components(
    weight: np.ndarray, covariance: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard errors of weights, means and covariances of components whose members are known."""
    members = np.maximum(weight * n, 1.0)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    product = variance[:, :, None] * variance[:, None, :]
    spread = np.sqrt((product + covariance**2) / members[:, None, None])
    share = np.sqrt(np.maximum(weight * (1 - weight), 1 / n) / n)
    return share, np.sqrt(variance / members[:, None]), spread


@dataclass(eq=False, repr=False)
class KernelDensity(ErrorFree):
    """A kernel density of the measured values, their errors ignored.

    scikit-learn's, with a Gaussian kernel on columns scaled to unit spread.

    Parameters
    ----------
    bandwidth : float, optional
        In standard deviations of each column. Default: the best of twenty in cross-validation.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> data = ba.load("hogg-2010")
    >>> density = ba.baselines.KernelDensity(bandwidth=0.3).fit(data)
    >>> density.log_likelihood()["observation"].sizes["row"]
    20
    """

    bandwidth: float | None = None

    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)

    def check_settings(self) -> None:
        """Raise ValueError for a bandwidth that cannot be."""
        h = self.bandwidth
        if h is not None and (isinstance(h, bool) or not np.isscalar(h) or not 0 < h < np.inf):
            raise ValueError(f"bandwidth={h!r} must be a positive number, or None.")

    def estimate(self, data: Measurements) -> Any:
        """The bandwidth; the data themselves are the rest of the estimate."""
        from sklearn.model_selection import GridSearchCV, KFold
        from sklearn.neighbors import KernelDensity as Kernels

        bandwidth, step = self.bandwidth, 0.0
        if bandwidth is None:
            n, d = data.value.shape
            grid = n ** (-1 / (d + 4)) * np.geomspace(0.15, 2.5, 20)
            folds = KFold(min(5, n), shuffle=True, random_state=0)
            search = GridSearchCV(Kernels(), {"bandwidth": grid}, cv=folds)
            bandwidth = search.fit(self._scaled(data, data)).best_params_["bandwidth"]
            step = bandwidth * (grid[1] / grid[0] - 1)
        return {"bandwidth": ((), bandwidth)}, {"bandwidth": ((), step)}, {}

    @staticmethod
    def _scaled(values: Measurements, fitted: Measurements) -> np.ndarray:
        return (values.value - fitted.value.mean(axis=0)) / fitted.value.std(axis=0)

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measured row: (chain, draw, row)."""
        import xarray as xr
        from sklearn.neighbors import KernelDensity as Kernels

        self._complete(data)
        fitted = self.data
        jacobian = np.log(fitted.value.std(axis=0)).sum()
        found = []
        for bandwidth in draws["bandwidth"].values.ravel():
            kernels = Kernels(bandwidth=bandwidth).fit(self._scaled(fitted, fitted))
            found.append(kernels.score_samples(self._scaled(data, fitted)) - jacobian)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(np.reshape(found, shape), dims=("chain", "draw", "row"))

    def replicate(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """New rows from the density: (chain, draw, row, column)."""
        import xarray as xr

        fitted, width = self.data.value, self.data.value.std(axis=0)
        bandwidth = draws["bandwidth"].values.ravel()[:, None, None]
        centre = fitted[rng.integers(len(fitted), size=(len(bandwidth), len(at)))]
        values = centre + bandwidth * width * rng.standard_normal(centre.shape)
        shape = (draws.sizes["chain"], draws.sizes["draw"], *at.value.shape)
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row", "column"))
