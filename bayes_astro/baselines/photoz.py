"""Photometric redshifts without a model of the errors: forests, neighbours, regressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.data import Photometry
from bayes_astro.data.photometry_columns import LEAST_REDSHIFT
from bayes_astro.mixtures.features import features, matched, softening
from bayes_astro.photoz.on_grid import OnGrid
from bayes_astro.photoz.training import with_redshift

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NearestNeighbours", "Polynomial", "RandomForest", "Regressor"]

BINS = 500
FLOOR = 1e-3
"""Share of every density that is spread evenly, so that no redshift is impossible."""
BANDWIDTHS = np.geomspace(0.0005, 0.2, 25)
"""Standard deviations in log(1 + z), of which held-out redshifts choose."""


class GridDensity(OnGrid, Baseline):
    """Densities on a grid of log(1 + z): what is learned, smoothed by a Gaussian.

    A subclass says how a trained machine spreads each object over the training set's redshifts
    (`train`, `spread`). The width of the smoothing is the one with the best log score on a fifth of
    the training set, held out. Features are asinh magnitudes and their neighbouring differences;
    what is missing is replaced by the band's median. Errors are not used.
    """

    data_type: ClassVar[type] = Photometry
    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)
    _internal: ClassVar[tuple[str, ...]] = ("machine", "spread", "train")

    _machine: Any = None

    def train(self, x: np.ndarray, t: np.ndarray) -> Any:
        """A trained machine, from features (n, p) and log(1 + z)."""
        raise NotImplementedError

    def spread(self, machine: Any, x: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Probability of each bin of log(1 + z) before smoothing: (n, bins)."""
        raise NotImplementedError

    def check_data(self, data: Photometry) -> None:
        """Raise ValueError for a training set that is too small."""
        if data.redshift is None or len(with_redshift(data)) < 20:
            raise ValueError(
                f"{type(self).__name__} learns from 20 objects with redshift and flux, or more."
            )

    def responses(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return np.full(len(data), np.nan) if data.redshift is None else data.redshift

    def estimate(self, data: Photometry) -> Any:
        """The bandwidth; the data themselves are the rest of the estimate."""
        self._machine = None
        rows = with_redshift(data)
        x, t = _columns(rows, rows), np.log1p(np.asarray(rows.redshift))
        edges = _edges(t)
        order = np.random.default_rng(0).permutation(len(t))
        held, rest = order[: len(t) // 5], order[len(t) // 5 :]
        table = self.spread(self.train(x[rest], t[rest]), x[held], edges)
        bins = np.clip(np.searchsorted(edges, t[held]) - 1, 0, BINS - 1)
        scores = [
            np.log(_smoothed(table, edges, h)[np.arange(len(held)), bins]).mean()
            for h in BANDWIDTHS
        ]
        best = int(np.argmax(scores))
        step = BANDWIDTHS[best] * (BANDWIDTHS[1] / BANDWIDTHS[0] - 1)
        return {"bandwidth": ((), BANDWIDTHS[best])}, {"bandwidth": ((), step)}, {}

    def table(self, photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the bins of log(1 + z), and the density in each for every object."""
        fitted = self.data
        rows = with_redshift(fitted)
        t = np.log1p(np.asarray(rows.redshift))
        edges = _edges(t)
        if self._machine is None:
            self._machine = self.train(_columns(rows, rows), t)
        bandwidth = float(self.posterior["posterior"]["bandwidth"].values.ravel()[0])
        photometry = matched(photometry, fitted.bands, fitted.unit or "")
        table = self.spread(self._machine, _columns(photometry, rows), edges)
        return edges, _smoothed(table, edges, bandwidth)

    def can_draw(self, figure: str) -> bool:
        """All but the scales of errors, of which there are none."""
        return figure != "error_scales"

    def forecast(
        self, draws: xr.Dataset, data: Photometry, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """One redshift of every object for each draw."""
        return self.drawn(at, draws.sizes["chain"], draws.sizes["draw"], rng)

    def pointwise(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of every known redshift: (chain, draw, row)."""
        import xarray as xr

        values = self.log_density_at(data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(np.broadcast_to(values, shape).copy(), dims=("chain", "draw", "row"))


@dataclass(eq=False, repr=False)
class RandomForest(GridDensity):
    """The redshifts in the leaves that an object falls into (Meinshausen 2006).

    Parameters
    ----------
    n_trees : int
        Number of trees.
    min_leaf : int
        Fewest training objects in a leaf.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> forest = ba.baselines.RandomForest(n_trees=10).fit(galaxies[:300])
    >>> forest.summary(galaxies[300:302]).shape
    (2, 7)
    """

    n_trees: int = 100
    min_leaf: int = 5

    references: ClassVar[tuple[str, ...]] = ("meinshausen2006", "pedregosa2011")

    def check_settings(self) -> None:
        """Raise ValueError for counts that cannot be."""
        _check_counts(n_trees=self.n_trees, min_leaf=self.min_leaf)

    def train(self, x: np.ndarray, t: np.ndarray) -> Any:
        """The forest, and what is in its leaves."""
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            self.n_trees, min_samples_leaf=self.min_leaf, max_features=0.5, random_state=0
        ).fit(x, t)
        return forest, forest.apply(x), t

    def spread(self, machine: Any, x: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Histograms of the leaves, averaged over the trees."""
        forest, leaves, t = machine
        bins = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, BINS - 1)
        found = np.zeros((len(x), BINS))
        for tree, leaf in enumerate(forest.apply(x).T):
            histogram = np.zeros((leaves[:, tree].max() + 1, BINS))
            np.add.at(histogram, (leaves[:, tree], bins), 1.0)
            total = np.maximum(histogram.sum(axis=1, keepdims=True), 1.0)
            found += (histogram / total)[leaf]
        return found / self.n_trees


@dataclass(eq=False, repr=False)
class NearestNeighbours(GridDensity):
    """The redshifts of the k nearest objects, in features scaled to unit spread.

    Parameters
    ----------
    k : int
        Number of neighbours, all of the same weight.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> neighbours = ba.baselines.NearestNeighbours(k=20).fit(galaxies[:300])
    >>> neighbours.pdf(galaxies[300:302], np.linspace(0, 0.5, 101)).shape
    (2, 101)
    """

    k: int = 20

    def check_settings(self) -> None:
        """Raise ValueError for a count that cannot be."""
        _check_counts(k=self.k)

    def train(self, x: np.ndarray, t: np.ndarray) -> Any:
        """The tree of neighbours."""
        from sklearn.neighbors import NearestNeighbors

        shift, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-12)
        return (
            NearestNeighbors(n_neighbors=min(self.k, len(x))).fit((x - shift) / scale),
            shift,
            scale,
            t,
        )

    def spread(self, machine: Any, x: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """One k-th at each neighbour."""
        neighbours, shift, scale, t = machine
        which = neighbours.kneighbors((x - shift) / scale, return_distance=False)
        bins = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, BINS - 1)[which]
        found = np.zeros((len(x), BINS))
        np.add.at(found, (np.arange(len(x))[:, None], bins), 1.0 / which.shape[1])
        return found


class ResidualDensity(GridDensity):
    """A regression of log(1 + z), with its residuals as the density's shape.

    The residuals are those of five folds held out in turn; every object has the same, about its own
    prediction.
    """

    def machine(self) -> Any:
        """A fresh regressor."""
        raise NotImplementedError

    def train(self, x: np.ndarray, t: np.ndarray) -> Any:
        """The regressor fitted to all, and its residuals on what was held out."""
        from sklearn.model_selection import KFold, cross_val_predict

        folds = KFold(min(5, len(t)), shuffle=True, random_state=0)
        residual = t - cross_val_predict(self.machine(), x, t, cv=folds)
        return self.machine().fit(x, t), residual

    def spread(self, machine: Any, x: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """The residuals about each prediction."""
        fitted, residual = machine
        width = edges[1] - edges[0]
        histogram, _ = np.histogram(residual, (np.arange(-BINS, BINS + 1) - 0.5) * width)
        histogram = np.append(histogram, 0.0) / len(residual)
        at = np.floor((fitted.predict(x) - edges[0]) / width).astype(int)
        which = BINS + np.arange(BINS) - np.clip(at, 0, BINS - 1)[:, None]
        return histogram[which] + 1e-300


@dataclass(eq=False, repr=False)
class Regressor(ResidualDensity):
    """The densities about the predictions of any scikit-learn regressor.

    It learns log(1 + z), and is not saved, as the estimator is another library's.

    Parameters
    ----------
    estimator : scikit-learn regressor
        Cloned, not changed.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> linear = ba.baselines.Regressor(LinearRegression()).fit(galaxies[:300])
    >>> linear.predict(galaxies[300:302])["signal"].sizes["row"]
    2
    """

    estimator: Any

    def check_settings(self) -> None:
        """Raise ValueError for what is no regressor."""
        if isinstance(self.estimator, type) or not hasattr(self.estimator, "predict"):
            raise ValueError(
                f"estimator={self.estimator!r} must be a scikit-learn regressor, with brackets."
            )

    def machine(self) -> Any:
        """A clone of the estimator."""
        from sklearn.base import clone

        return clone(self.estimator)


@dataclass(eq=False, repr=False)
class Polynomial(ResidualDensity):
    """Ridge regression of log(1 + z) on a polynomial of the features.

    Parameters
    ----------
    degree : int
        Highest power, products of features included.
    penalty : float
        Of ridge regression, on terms scaled to unit spread.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> quadratic = ba.baselines.Polynomial(degree=2).fit(galaxies[:300])
    >>> list(quadratic.summary(galaxies[300:302]))[:3]
    ['mode', 'mean', 'median']
    """

    degree: int = 2
    penalty: float = 1e-3

    def check_settings(self) -> None:
        """Raise ValueError for a degree or penalty that cannot be."""
        _check_counts(degree=self.degree)
        number = isinstance(self.penalty, int | float) and not isinstance(self.penalty, bool)
        if not (number and 0 <= self.penalty < np.inf):
            raise ValueError(f"penalty={self.penalty!r} must be a number >= 0.")

    def machine(self) -> Any:
        """Scaled features, their products, and ridge regression on these."""
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PolynomialFeatures, StandardScaler

        return make_pipeline(
            StandardScaler(),
            PolynomialFeatures(self.degree),
            StandardScaler(),
            Ridge(self.penalty),
        )


def _check_counts(**counts: Any) -> None:
    for name, count in counts.items():
        whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
        if not whole or count < 1:
            raise ValueError(f"{name}={count!r} must be a whole number of at least 1.")


def _columns(photometry: Photometry, fitted: Photometry) -> np.ndarray:
    """Magnitudes and their neighbouring differences, medians of the fitted where missing."""
    soft = softening(fitted)
    value, _ = features(photometry, soft)
    own, _ = features(fitted, soft)
    value = np.where(np.isnan(value), np.nanmedian(own, axis=0), value)
    return np.column_stack([value, -np.diff(value, axis=1)])


def _edges(t: np.ndarray) -> np.ndarray:
    """Bins of log(1 + z) from the smallest redshift to a tenth beyond the training set's largest."""
    low = np.log1p(LEAST_REDSHIFT)
    return np.linspace(low, t.max() + 0.1 * (t.max() - low), BINS + 1)


def _smoothed(table: np.ndarray, edges: np.ndarray, bandwidth: float) -> np.ndarray:
    """Densities from probabilities of bins: a Gaussian of that width, reflected at the edges."""
    from scipy.ndimage import gaussian_filter1d

    width = edges[1] - edges[0]
    smooth = gaussian_filter1d(table, bandwidth / width, axis=1, mode="reflect", truncate=5.0)
    smooth /= smooth.sum(axis=1, keepdims=True)
    return ((1 - FLOOR) * smooth + FLOOR / smooth.shape[1]) / width
