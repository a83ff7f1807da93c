"""What follows from draws of a density for each class: probabilities, scores, other populations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.classes import adaptation, checks, inputs
from bayes_astro.classes.of_classes import OfClasses, predicted
from bayes_astro.classes.probabilities import (
    check_labels,
    class_log_densities,
    joined,
    members,
    posterior_of,
    table,
)
from bayes_astro.classes.repeats import warn_of_repeats
from bayes_astro.data import Measurements, Photometry
from bayes_astro.diagnostics import Check
from bayes_astro.draws import by_row, entries, thinned
from bayes_astro.mixtures import selection, strangeness
from bayes_astro.mixtures.features import fluxes
from bayes_astro.mixtures.mixture import Mixture, covariance_factor
from bayes_astro.model import Model

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_astro.priors import Prior

__all__ = ["ClassDensities"]

DRAWS = 100  # of a posterior with many, of which probabilities are averages
PATIENCE = 10_000  # draws of fractions under which each class has rows enough


class ClassDensities(OfClasses, Model):
    """A task whose posterior is a mixture for each class, and the classes' fractions."""

    fewest_predictions: ClassVar[int] = 100
    _internal: ClassVar[tuple[str, ...]] = ("measured_like",)
    transform: str
    brightness: bool

    # For users ----------------------------------------------------------------------------------

    def probability(self, data: Any, *, draws: int | None = DRAWS) -> xr.Dataset:
        """Probability of each class for every object, with its uncertainty.

        Parameters
        ----------
        data : Photometry or Measurements
            With errors; as what was fitted. Bands and columns are matched by name, gaps are nan; labels are
            not used.
        draws : int, optional
            Of the posterior, about as many; None: all.

        Returns
        -------
        xarray.Dataset
            By row and class: ``probability``, its average over the draws, which sums to one; ``sd``,
            ``q16`` and ``q84`` of the draws: what the training set leaves open.
        """
        some = thinned(self.posterior["posterior"].to_dataset(), draws)
        share, _ = posterior_of(some, self.measured_like(data))
        return table(some, share)

    def object_summary(self, at: Any, **options: Any) -> pd.DataFrame:
        """One row an object.

        Parameters
        ----------
        at : Photometry or Measurements
            As for `probability`.
        **options : object
            None.

        Returns
        -------
        pandas.DataFrame
            ``class``, the most probable; ``p_NAME`` and ``sd_NAME`` of each class; ``columns`` (or bands) measured;
            ``log_evidence``, log p(x); ``tail_probability``: how often an object like those that
            trained has a smaller one; ``flag``: "unusual" where that is below 0.001 (probabilities then
            say which class is the least unlikely, if it is one of them), "nothing measured" (then they are the
            fractions), or "".
        """
        import pandas as pd

        if options:
            raise ValueError(f"summary of classes has no option {next(iter(options))!r}.")
        data = self.measured_like(at)
        some = thinned(self.posterior["posterior"].to_dataset(), DRAWS)
        share, evidence = posterior_of(some, data)
        mean, sd = share.mean(axis=0), share.std(axis=0)
        tail = self._tail(data)
        count = (~at.missing).sum(axis=1)
        flag = np.where(tail < strangeness.UNUSUAL, "unusual", "")
        columns: dict[str, Any] = {"class": np.array(self.classes)[mean.argmax(axis=0)]}
        for c, name in enumerate(self.classes):
            columns |= {f"p_{name}": mean[c], f"sd_{name}": sd[c]}
        top = evidence.max(axis=0)
        columns |= {
            "columns": count,
            "log_evidence": top + np.log(np.exp(evidence - top).mean(axis=0)),
            "tail_probability": tail,
            "flag": np.where(data.missing.all(axis=1), "nothing measured", flag),
        }
        return pd.DataFrame(columns)

    def adapt(self, unlabelled: Any, *, seed: int | None = None) -> Any:
        """The same densities in a population where the classes have other fractions.

        What a class looks like is taken to be the same there; how often it is follows from the objects
        themselves, whose labels, if any, are not used (`bayes_astro.classes.adaptation`).

        Parameters
        ----------
        unlabelled : Photometry or Measurements
            A fair sample of the population.
        seed : int, optional
            Default: that of the fit.

        Returns
        -------
        MixtureClassifier
            Fitted: with these fractions in `probability`, `fractions` and everything else, and a check in
            `diagnose` of whether the objects are like those that trained.
        """
        return adaptation.adapted(self, self.measured_like(unlabelled), seed)

    def held_out_probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of training objects by fits that did not see them.

        Of five parts in turn, or of one fifth where there are many; by six fits.

        Returns
        -------
        probability : array (n, class)
            Which sum to one.
        code : array (n,)
            Place of each object's label among `classes`.
        """
        group = self.posterior["held_out"]
        return group["probability"].values, group["code"].values

    def fractions(self) -> pd.DataFrame:
        """How often each class is: in the training set, or where the model was adapted to.

        Returns
        -------
        pandas.DataFrame
            By class: ``mean``, ``sd``, ``q025``, ``q16``, ``median``, ``q84``, ``q975``; after `adapt` also
            ``training``, the fraction before, and ``objects``, ``changed_to``, ``changed_from``: of the
            population's objects, how many are most probably of this class, and how many were not, or are
            no longer, with the fractions before.
        """
        return adaptation.table(self)

    def checks(self) -> list[Check]:
        """What can go wrong with classes; see `bayes_astro.classes.checks`."""
        return checks.checks(self)

    # For the library ----------------------------------------------------------------------------

    def measured_like(self, data: Any) -> Measurements:
        """Rows like those that were fitted, as measurements of what the densities are of."""
        return self._measured(self._like(data), self._softening(self._fitted_or(data)))

    def _like(self, data: Any) -> Any:
        """The same rows with columns, bands and units as those that were fitted."""
        fitted = self._fitted_or(data)
        if not isinstance(data, Photometry | Measurements):
            raise ValueError(
                f"expected a {type(fitted).__name__} like the one that was fitted, got "
                f"{type(data).__name__}."
            )
        return inputs.the_same_columns(data, fitted)

    def _softening(self, data: Any) -> np.ndarray:
        """Of the fitted rows; before a fit of those that train."""
        if self._tree is not None and "softening" in self.posterior["posterior"]:
            return self.posterior["posterior"]["softening"].values[0, 0]
        return inputs.soft_of(inputs.labelled(data, self.brightness))

    def _measured(self, data: Any, soft: np.ndarray) -> Measurements:
        return inputs.measured(data, soft, self.transform, self.brightness)

    def _tail(self, data: Measurements) -> np.ndarray:
        """Tail probabilities of the rows."""
        whole = joined(self.posterior["posterior"].to_dataset())
        u = strangeness.statistic(whole, data)
        quantiles = self.posterior["reference"]["statistic"].values
        return strangeness.tail_probability(u, (~data.missing).sum(axis=1), quantiles)

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds the moments of each class without its background, which depend on no components' labels."""
        means, covariances = [], []
        for k in members(draws):
            one = Mixture.of(draws.isel(component=k[:-1]))
            one = replace(one, weight=one.weight / one.weight.sum(axis=1, keepdims=True))
            means.append(one.total_mean())
            covariances.append(one.total_covariance())
        by = ("class", "dimension", "dimension_2")
        return draws.assign(
            class_mean=entries(draws, np.stack(means, axis=1), *by[:2]),
            class_covariance=entries(draws, np.stack(covariances, axis=1), *by),
        )

    def converged_on(self) -> tuple[str, ...]:
        """What does not depend on labels of components."""
        return ("fraction", "class_mean", "class_covariance")

    def groups(self, tree: xr.DataTree, data: Any) -> dict[str, xr.Dataset]:
        """Groups ``reference``: how densities of objects from the model scatter; ``held_out``."""
        import xarray as xr

        rows = inputs.labelled(data, self.brightness)
        measured = self._measured(rows, inputs.soft_of(rows))
        whole = joined(tree["posterior"].to_dataset())
        quantiles = strangeness.reference(whole, measured, np.random.default_rng(11))
        count = np.arange(1, measured.d + 1)
        coords = {"columns_measured": count, "tail": strangeness.PROBABILITIES}
        found = xr.Dataset({"statistic": (("columns_measured", "tail"), quantiles)}, coords)
        draws = tree["posterior"].to_dataset()
        others = checks.held_out(self, draws, data, quantiles)
        # Real classes have tails, and densities of few rows do not know them: of rows held out.
        tail = others["tail_probability"].values
        found.attrs["unusual"] = float(np.mean(tail < strangeness.UNUSUAL)) if len(tail) else 0.0
        return {"reference": found, "held_out": others}

    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log joint density of what was measured and the class: (chain, draw, row); 0 without a label."""
        names = tuple(str(name) for name in draws["class"].values)
        codes = data.codes(names)
        rows = np.flatnonzero(codes >= 0)
        measured = self._measured(self._like(data), _soft_of(draws))
        values = np.zeros((draws.sizes["chain"] * draws.sizes["draw"], len(data)))
        fraction = draws["fraction"].transpose("chain", "draw", "class").values
        logs = np.log(fraction.reshape(-1, len(names)))
        density = class_log_densities(draws, measured)
        values[:, rows] = density[:, codes[rows], rows] + logs[:, codes[rows]]
        return by_row(draws, values)

    def log_predictive(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log probability of every row's class given what was measured: (chain, draw, row)."""
        names = tuple(str(name) for name in draws["class"].values)
        codes = check_labels(names, data, "score")
        if self._tree is not None:
            warn_of_repeats(data, self.data)
        share, _ = posterior_of(draws, self.measured_like(data))
        with np.errstate(divide="ignore"):
            return by_row(draws, np.log(share[:, codes, np.arange(len(codes))]))

    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Probabilities of the classes, and a class drawn by them.

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, row, class), ``observation`` (chain, draw, row), the place of a class
            among `classes`.
        """
        share, _ = posterior_of(draws, self._measured(self._like(at), _soft_of(draws)))
        return predicted(draws, np.moveaxis(share, 1, 2), rng)

    def prior_draws(
        self, design: Any, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior, of fractions under which each class has rows enough."""
        problem: Any = self.problem(design, priors)
        stacked = [
            selection.prior_sample(
                part.deconvolution().layout, priors, draws, rng, part.shift, part.scale
            )
            for part in problem.parts.values()
        ]
        alpha = np.broadcast_to(
            np.asarray(priors["fraction"].arguments["alpha"], dtype=float), (len(problem.parts),)
        )
        least, n = self._least(problem), len(inputs.labelled(design, self.brightness))
        fraction = np.empty((draws, len(alpha)))
        for s in range(draws):
            for _ in range(PATIENCE):
                fraction[s] = rng.dirichlet(alpha)
                if np.all(rng.multinomial(n, fraction[s]) >= least):
                    break
        return problem.draws(fraction, stacked).expand_dims("chain").rename(sample="draw")

    def _least(self, problem: Any) -> np.ndarray:
        """Rows that each class needs."""
        return np.array(
            [max(len(p.components) - 1, len(p.names) + 2) for p in problem.parts.values()]
        )

    def simulate_data(self, parameters: xr.Dataset, design: Any, rng: np.random.Generator) -> Any:
        """New objects of new classes, with the errors and gaps of `design`; rows without a label keep none.

        Classes are drawn anew until each has the rows that a fit needs: the prior draws know that.
        """
        names = [str(name) for name in parameters["class"].values]
        draws = parameters.expand_dims(["chain", "draw"])
        known = np.array([label is not None for label in design.label])
        trains = known & inputs.seen(design, self.brightness)
        problem: Any = self.problem(design, self.resolve_priors(design))
        fraction, least = parameters["fraction"].values, self._least(problem)
        for _ in range(PATIENCE):
            codes = rng.choice(len(names), len(design), p=fraction / fraction.sum())
            if np.all(np.bincount(codes[trains], minlength=len(names)) >= least):
                break
        true = np.empty((len(design), parameters.sizes["dimension"]))
        for c, k in enumerate(members(draws)):
            rows = np.flatnonzero(codes == c)
            if len(rows):
                one = Mixture.of(draws.isel(component=k))
                true[rows] = one.sample(len(rows), int(rng.integers(2**31)))[0]
        label = [names[c] if there else None for c, there in zip(codes, known, strict=True)]
        if isinstance(design, Photometry):
            soft = parameters["softening"].values
            if not self.brightness:
                true = inputs.magnitudes_with(true, design, soft, self.transform)
            flux = fluxes(true, soft, self.transform)
            flux = flux + np.nan_to_num(design.error) * rng.standard_normal(flux.shape)
            return design.replace(flux=np.where(design.missing, np.nan, flux), label=label)
        factor = covariance_factor(np.nan_to_num(design.covariance))
        value = true + np.einsum("nij,nj->ni", factor, rng.standard_normal(true.shape))
        return design.replace(value=np.where(design.missing, np.nan, value), label=label)


def _soft_of(draws: xr.Dataset) -> np.ndarray:
    """Softening of each band, of draws of photometry."""
    if "softening" not in draws:
        return np.ones(1)
    return draws["softening"].transpose("chain", "draw", "band").values[0, 0]
