"""What everything has that gives probabilities of classes, whatever it has learnt them from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.classes.probabilities import check_labels
from bayes_astro.classes.scores import class_scores
from bayes_astro.draws import by_row
from bayes_astro.estimator import Estimator

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["OfClasses", "predicted"]


class OfClasses(Estimator):
    """Classes, responses and scores; `probability` is what a subclass brings."""

    def probability(self, data: Any) -> xr.Dataset:
        """``probability`` of each class for every object, by row and class."""
        raise NotImplementedError

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, sorted by name."""
        return tuple(str(name) for name in self.posterior["posterior"]["class"].values)

    def responses(self, data: Any) -> np.ndarray:
        """Place of each row's class, nan without a label."""
        names = self.classes if self._tree is not None else data.classes
        codes = data.codes(names)
        return np.where(codes < 0, np.nan, codes)

    def scores(self, test: Any) -> dict[str, float | None]:
        """Scores of classes, in the place of those of numbers."""
        codes = check_labels(self.classes, test, "score")
        share = self.probability(test)["probability"].values
        nothing = dict.fromkeys(("crps", "rmse", "bias", "coverage_68", "coverage_95"))
        return nothing | class_scores(share, codes, list(self.classes))


def predicted(draws: xr.Dataset, share: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Probabilities (draws, n, class) as ``signal``, and the place of a class drawn by them."""
    import xarray as xr

    edges = np.cumsum(share, axis=2)[..., :-1]
    drawn = (rng.uniform(size=(*share.shape[:2], 1)) > edges).sum(axis=2)
    return xr.Dataset(
        {
            "signal": by_row(draws, share, "row", "class"),
            "observation": by_row(draws, drawn.astype(float)),
        },
        {"class": draws["class"].values},
    )
