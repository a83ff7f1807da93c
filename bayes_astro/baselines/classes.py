"""Classifiers that take measurements for true values: scikit-learn's, with calibrated probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.baselines.base import Baseline
from bayes_astro.baselines.density_bayes import DensityBayes
from bayes_astro.classes import inputs
from bayes_astro.classes.of_classes import OfClasses, predicted
from bayes_astro.classes.probabilities import check_labels
from bayes_astro.classes.repeats import warn_of_repeats
from bayes_astro.data import Measurements, Photometry
from bayes_astro.draws import by_row
from bayes_astro.parameters import Setting, choice, either, switch

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Classifier"]

METHODS = (
    "random-forest", "gradient-boosting", "logistic-regression", "svm", "nearest-neighbours",
    "naive-bayes", "lda", "qda", "gmm-bayes", "kde-bayes",
)  # fmt: skip
CALIBRATED = ("random-forest", "svm", "naive-bayes", "nearest-neighbours", "kde-bayes")
FOLDS = 5
FLOOR = 1e-6
"""Share of every probability that is spread evenly, so that no class is impossible."""
COLOURS = ("random-forest", "gradient-boosting")
GAPS = ("gradient-boosting",)  # takes missing values as they are


@dataclass(eq=False, repr=False)
class Classifier(OfClasses, Baseline):
    """Probabilities of classes by any classifier of scikit-learn, errors ignored.

    Features are the columns, or asinh magnitudes, scaled to unit spread; of photometry trees also have
    neighbouring differences. What is missing is the median of the training set, but for
    "gradient-boosting", which takes gaps as they are. "gmm-bayes" and "kde-bayes" are Bayes' rule with a
    Gaussian mixture or a kernel density of each class (those of astroML), whose number of components or
    width has the best held-out score.

    Parameters
    ----------
    method : str or scikit-learn classifier
        "random-forest", "gradient-boosting", "logistic-regression", "svm", "nearest-neighbours",
        "naive-bayes", "lda", "qda", "gmm-bayes" or "kde-bayes"; or an estimator, which is cloned, and is
        not saved.
    calibrated : bool or "auto"
        Calibrate probabilities on folds held out (isotonic; of fewer than 1000 rows a sigmoid). "auto": where
        the method's own are known not to be.
    transform : {"asinh", "log"}
        Magnitudes that fluxes of `ba.Photometry` become.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> label = np.repeat(["star", "quasar"], 60)
    >>> colour = np.where(label == "star", 1.0, 0.0)[:, None] + rng.normal(0, 0.3, (120, 2))
    >>> table = ba.Measurements(colour, 0.1, label=label)
    >>> lda = ba.baselines.Classifier("lda").fit(table)
    >>> lda.probability(table)["probability"].sizes["class"]
    2
    """

    method: Any = "random-forest"
    calibrated: Any = "auto"
    transform: str = "asinh"

    data_type: ClassVar[Any] = (Photometry, Measurements)
    settings: ClassVar[dict[str, Setting]] = {
        "calibrated": either("auto", switch),
        "transform": choice("asinh", "log"),
    }
    references: ClassVar[tuple[str, ...]] = ("pedregosa2011",)
    _internal: ClassVar[tuple[str, ...]] = ("machine",)

    _machine = None  # without a type, so that it is no parameter

    def check_settings(self) -> None:
        """Raise ValueError for what is no classifier."""
        if isinstance(self.method, str):
            choice(*METHODS)("method", self.method)
        elif isinstance(self.method, type) or not hasattr(self.method, "predict_proba"):
            raise ValueError(
                f"method={self.method!r:.80} must be one of {', '.join(METHODS)}, or a classifier of "
                "scikit-learn with predict_proba, with brackets."
            )

    def check_data(self, data: Any) -> None:
        """Raise ValueError for labels that teach nothing."""
        if data.label is None or len(inputs.labelled(data).classes) < 2:
            raise ValueError("label: a classifier learns from rows of two classes or more.")
        if isinstance(data, Measurements) and data.projection is not None:
            raise ValueError("projection: Classifier takes what was measured; leave it out.")
        rows = inputs.labelled(data)
        counts = np.bincount(rows.codes(rows.classes))
        if counts.min() < FOLDS:
            name = rows.classes[int(np.argmin(counts))]
            raise ValueError(
                f"class {name!r} has {counts.min()} rows; Classifier needs {FOLDS} of each."
            )

    def estimate(self, data: Any) -> Any:
        """The fractions of the classes; the data themselves are the rest of the estimate."""
        self._machine = None
        rows = inputs.labelled(data)
        counts = np.bincount(rows.codes(rows.classes))
        fraction = counts / counts.sum()
        error = np.sqrt(fraction * (1 - fraction) / counts.sum())
        coords = {"class": list(rows.classes)}
        return (
            {"fraction": (("class",), fraction)},
            {"fraction": (("class",), error)},
            {"coords": coords},
        )

    def machine(self) -> Any:
        """A fresh classifier."""
        from sklearn.base import clone
        from sklearn.calibration import CalibratedClassifierCV

        single = clone(self.method) if not isinstance(self.method, str) else _named(self.method)
        wanted = self.calibrated
        if wanted == "auto":
            wanted = self.method in CALIBRATED if isinstance(self.method, str) else False
        if not wanted:
            return single
        many = len(inputs.labelled(self.data)) >= 1000
        return CalibratedClassifierCV(single, method="isotonic" if many else "sigmoid", cv=FOLDS)

    def _features(self, data: Any) -> np.ndarray:
        rows = inputs.labelled(self.data)
        soft = inputs.soft_of(rows)
        own = inputs.measured(rows, soft, self.transform, True).value
        value = inputs.measured(data, soft, self.transform, True).value
        middle, spread = np.nanmedian(own, axis=0), np.maximum(np.nanstd(own, axis=0), 1e-300)
        if not (isinstance(self.method, str) and self.method in GAPS):
            value = np.where(np.isnan(value), middle, value)
        scaled = (value - middle) / spread
        if isinstance(data, Photometry) and isinstance(self.method, str) and self.method in COLOURS:
            scaled = np.column_stack([scaled, -np.diff(value, axis=1)])
        return scaled

    def _shares(self, data: Any) -> np.ndarray:
        """Probabilities (n, class)."""
        fitted = self.data
        if self._machine is None:
            rows = inputs.labelled(fitted)
            codes = rows.codes(self.classes)
            self._machine = self.machine().fit(self._features(rows), codes)
        found = self._machine.predict_proba(self._features(inputs.the_same_columns(data, fitted)))
        return (1 - FLOOR) * found + FLOOR / found.shape[1]

    def probability(self, data: Any) -> xr.Dataset:
        """Probability of each class for every object.

        Parameters
        ----------
        data : Photometry or Measurements
            As what was fitted; errors are not used.

        Returns
        -------
        xarray.Dataset
            ``probability`` by row and class.
        """
        import xarray as xr

        return xr.Dataset(
            {"probability": (("row", "class"), self._shares(data))}, {"class": list(self.classes)}
        )

    def held_out_probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of training objects by fits to four fifths that did not see them.

        Returns
        -------
        probability : array (n, class)
            Which sum to one.
        code : array (n,)
            Place of each object's label among `classes`.
        """
        from sklearn.model_selection import StratifiedKFold, cross_val_predict

        rows = inputs.labelled(self.data)
        codes = rows.codes(self.classes)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        found = cross_val_predict(
            self.machine(), self._features(rows), codes, cv=folds, method="predict_proba"
        )
        return (1 - FLOOR) * found + FLOOR / found.shape[1], codes

    def can_draw(self, figure: str) -> bool:
        """All but the densities, of which there are none."""
        return figure != "overview"

    def _repeated(self, draws: xr.Dataset, data: Any) -> np.ndarray:
        shares = self._shares(data)
        count = draws.sizes["chain"] * draws.sizes["draw"]
        return np.broadcast_to(shares, (count, *shares.shape))

    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log probability of every row's class: (chain, draw, row); 0 without a label."""
        codes = data.codes(self.classes)
        logs = np.log(self._repeated(draws, data)[:, np.arange(len(codes)), codes])
        return by_row(draws, np.where(codes < 0, 0.0, logs))

    def log_predictive(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log probability of every row's class: (chain, draw, row)."""
        check_labels(self.classes, data, "score")
        warn_of_repeats(data, self.data)
        return self.pointwise(draws, data)

    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Probabilities of the classes, and a class drawn by them.

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, row, class), ``observation`` (chain, draw, row).
        """
        return predicted(draws, self._repeated(draws, at), rng)


def _named(method: str) -> Any:
    """A scikit-learn classifier with the settings that its users would choose."""
    from sklearn import (
        discriminant_analysis,
        ensemble,
        linear_model,
        naive_bayes,
        neighbors,
        pipeline,
        preprocessing,
        svm,
    )

    made = {
        "random-forest": lambda: ensemble.RandomForestClassifier(
            200, min_samples_leaf=3, random_state=0
        ),
        "gradient-boosting": lambda: ensemble.HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=200, max_leaf_nodes=15, random_state=0
        ),
        "logistic-regression": lambda: pipeline.make_pipeline(
            preprocessing.PolynomialFeatures(2, include_bias=False),
            preprocessing.StandardScaler(),
            linear_model.LogisticRegression(C=10.0, max_iter=2000),
        ),
        "svm": lambda: svm.SVC(C=30.0, gamma="scale"),
        "nearest-neighbours": lambda: neighbors.KNeighborsClassifier(15, weights="distance"),
        "naive-bayes": naive_bayes.GaussianNB,
        "lda": discriminant_analysis.LinearDiscriminantAnalysis,
        "qda": discriminant_analysis.QuadraticDiscriminantAnalysis,
        "gmm-bayes": lambda: DensityBayes("gmm"),
        "kde-bayes": lambda: DensityBayes("kde"),
    }
    return made[method]()
