"""Members of a cluster by clustering of the measured values, their errors ignored; all scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bayes_astro.baselines.clustering import Clustering, Parts, of_label, two_parts
from bayes_astro.parameters import Setting, number, optional, whole

if TYPE_CHECKING:
    from bayes_astro.membership.cluster_search import Region

__all__ = ["ClusterDBSCAN", "ClusterGaussianMixture", "ClusterHDBSCAN", "ClusterKMeans"]

SILHOUETTE = 2000  # stars by which a number of clusters is judged
SIZES = (2, 3, 4, 5, 6, 8, 10)


@dataclass(eq=False, repr=False)
class ClusterGaussianMixture(Clustering):
    """A Gaussian mixture of the measured values, one of whose Gaussians is the cluster.

    The number of Gaussians is the best of 1 to `n_components` by the Bayesian information criterion; the
    cluster is the one that is densest at the guess, or where stars crowd most.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns that tell members from the field.
    guess : dict of str to float, optional
        Where the cluster is about, by column. Default: found in the data.
    n_components : int
        At most so many.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("pleiades-hipparcos")
    >>> guess = {"pmra": 20, "pmdec": -45}
    >>> mixture = ba.baselines.ClusterGaussianMixture(guess=guess).fit(stars)
    >>> len(mixture.probability())
    317
    """

    n_components: int = 8

    settings: ClassVar[dict[str, Setting]] = Clustering.settings | {
        "n_components": whole(1),
    }

    def parts(self, value: np.ndarray, region: Region) -> Parts:
        """Responsibilities of the Gaussian that is densest in the middle of the region."""
        from scipy.stats import multivariate_normal
        from sklearn.mixture import GaussianMixture as Mixtures

        most = min(self.n_components, max(1, len(value) // 10))
        fits = [
            Mixtures(k, n_init=3, random_state=0, max_iter=500).fit(value)
            for k in range(1, most + 1)
        ]
        best = min(fits, key=lambda one: one.bic(value))
        at = [
            w * multivariate_normal(m, v).pdf(region.centre)
            for w, m, v in zip(best.weights_, best.means_, best.covariances_, strict=True)
        ]
        share = best.predict_proba(value)[:, int(np.argmax(at))]
        if len(best.weights_) == 1:
            share = np.zeros(len(value))
        return Parts(share, best.weights_, best.means_, best.covariances_)


@dataclass(eq=False, repr=False)
class ClusterDBSCAN(Clustering):
    """Density-based clusters of the measured values (DBSCAN); the one at the guess has the members.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns that tell members from the field.
    guess : dict of str to float, optional
        Where the cluster is about, by column. Default: found in the data.
    eps : float, optional
        Reach of a star in standard deviations of each column. Default: that with which the cluster has as
        many stars as crowd in its region beyond those of the field.
    min_samples : int
        Stars within the reach of a core.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("pleiades-hipparcos")
    >>> found = ba.baselines.ClusterDBSCAN(guess={"pmra": 20, "pmdec": -45}).fit(stars)
    >>> len(found.probability())
    317
    """

    eps: float | None = None
    min_samples: int = 10

    settings: ClassVar[dict[str, Setting]] = Clustering.settings | {
        "eps": optional(number(0, np.inf, "a positive number, or None")),
        "min_samples": whole(2),
    }

    def parts(self, value: np.ndarray, region: Region) -> Parts:
        """Zeros and ones."""
        from sklearn.cluster import DBSCAN
        from sklearn.neighbors import NearestNeighbors

        def members(eps: float) -> np.ndarray:
            labels = DBSCAN(eps=eps, min_samples=self.min_samples).fit_predict(value)
            return of_label(labels, value, region)

        if self.eps is not None:
            return two_parts(value, members(float(self.eps)).astype(float))
        z = np.sum(((value - region.centre) / region.width) ** 2, axis=1)
        d = value.shape[1]
        shell = np.sum((z >= 4) & (z < 9)) * 2**d / (3**d - 2**d)
        wanted = max(np.sum(z < 4) - shell, self.min_samples)
        count = min(self.min_samples, len(value) - 1)
        distance = NearestNeighbors(n_neighbors=count).fit(value).kneighbors()[0][:, -1]
        tried = [members(eps) for eps in np.quantile(distance, np.geomspace(0.003, 0.4, 30))]
        best = min(tried, key=lambda one: abs(float(one.sum()) - wanted))
        return two_parts(value, best.astype(float))


@dataclass(eq=False, repr=False)
class ClusterHDBSCAN(Clustering):
    """Hierarchical density-based clusters (HDBSCAN); the one at the guess has the members.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns that tell members from the field.
    guess : dict of str to float, optional
        Where the cluster is about, by column. Default: found in the data.
    min_cluster_size : int, optional
        Default: one star in a hundred, and at least 10.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("pleiades-hipparcos")
    >>> found = ba.baselines.ClusterHDBSCAN(guess={"pmra": 20, "pmdec": -45}).fit(stars)
    >>> len(found.probability())
    317
    """

    min_cluster_size: int | None = None

    settings: ClassVar[dict[str, Setting]] = Clustering.settings | {
        "min_cluster_size": optional(whole(2)),
    }

    def parts(self, value: np.ndarray, region: Region) -> Parts:
        """Zeros and ones: the strengths that HDBSCAN gives beside are no probabilities."""
        from sklearn.cluster import HDBSCAN

        size = self.min_cluster_size or max(10, len(value) // 100)
        found = HDBSCAN(min_cluster_size=min(size, len(value)), copy=True).fit(value)
        return two_parts(value, of_label(found.labels_, value, region).astype(float))


@dataclass(eq=False, repr=False)
class ClusterKMeans(Clustering):
    """K-means of the measured values; the cluster at the guess has the members.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns that tell members from the field.
    guess : dict of str to float, optional
        Where the cluster is about, by column. Default: found in the data.
    n_clusters : int, optional
        Default: the best of 2 to 10 by the silhouette.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("pleiades-hipparcos")
    >>> found = ba.baselines.ClusterKMeans(guess={"pmra": 20, "pmdec": -45}).fit(stars)
    >>> len(found.probability())
    317
    """

    n_clusters: int | None = None

    settings: ClassVar[dict[str, Setting]] = Clustering.settings | {
        "n_clusters": optional(whole(1)),
    }

    def parts(self, value: np.ndarray, region: Region) -> Parts:
        """Zeros and ones."""
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score

        sizes = [self.n_clusters] if self.n_clusters else [k for k in SIZES if k < len(value)]
        best, score = np.zeros(len(value), dtype=int), -np.inf
        for k in sizes:
            labels = KMeans(k, n_init=5, random_state=0).fit_predict(value)
            own = 0.0
            if len(sizes) > 1:
                some = min(len(value), SILHOUETTE)
                own = silhouette_score(value, labels, sample_size=some, random_state=0)
            if own > score:
                best, score = labels, own
        return two_parts(value, of_label(best, value, region).astype(float))
