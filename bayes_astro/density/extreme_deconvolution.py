"""The density of true values behind noisy, projected or incomplete measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.density import inputs, objects, selection, story
from bayes_astro.density.expectation import Conjugate, Problem, Regularised
from bayes_astro.density.mixture import Mixture
from bayes_astro.model import Model
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check
    from bayes_astro.samplers import Sampler

__all__ = ["ExtremeDeconvolution"]

FOR_NUTS = 2e4
FOR_LAPLACE = 5e6
"""Points times components up to which a sampler is the default: about a minute of work each."""
ANCHORS = 5


@dataclass(eq=False, repr=False)
class ExtremeDeconvolution(Model):
    r"""A mixture of Gaussians for true values, each measured with its own error covariance.

    The story. Object i has a true value v_i of d quantities, from one of K populations; what was
    measured is a linear function of it (R_i, the identity if not given; fewer rows where columns
    are missing) with Gaussian errors:

    .. code-block:: text

        weight ~ Dirichlet,  mean_k ~ Normal,  covariance_k ~ InverseWishart
        v_i ~ sum_k weight_k N(mean_k, covariance_k)
        x_i ~ N(R_i v_i, S_i)

    Populations and true values integrate out exactly, so that what is sampled is

    .. code-block:: text

        x_i ~ sum_k weight_k N(R_i mean_k, R_i covariance_k R_i' + S_i)

    (Bovy, Hogg & Roweis 2011; `bayes_astro.likelihoods.mixture` has the sums that serve EM and
    gradient alike).

    Components have no names: the posterior is the same under any exchange of them. Convergence is
    therefore judged on what does not depend on labels (`judged`), and densities, conditional
    densities and predictions do not either; `relabel` matches components to one draw on request.

    Parameters
    ----------
    n_components : int or sequence of int
        K; of a sequence the one with the best `criterion`.
    criterion : {"held-out", "bic"}
        To choose K: the log score of five folds held out in turn, or the (cheap) Bayesian
        information criterion.
    fixed : dict, optional
        ``weight``, ``mean``, ``covariance``: a list with one entry a component, None where free.
    background : {None, "uniform", "broad"}
        One more component for what belongs to none: uniform over the range of the measured
        values, or a Gaussian five times as wide as the data.
    regularization : float, optional
        w of Bovy, Hogg & Roweis (2011) in place of the priors, added to each covariance in units
        of the data squared; 0: maximum likelihood. Only with `ba.MAP`.
    dimensions : sequence of str, optional
        Names of the true quantities. Default: of the columns; under a projection v0, v1, ...
    priors : dict of str to Prior, optional
        ``weight``: Dirichlet(alpha=1); ``mean``: Normal about the mean of the single deconvolved
        Gaussian S, with twice its width; ``covariance``: InverseWishart(nu=d + 2,
        scale=S / K^(2/d)), whose mean is its scale. It adds this scatter to that of each
        component's points: for components much narrower than that and of few points, give a
        smaller scale.

    Notes
    -----
    Variables: ``weight``, ``mean``, ``covariance`` by component and dimension (``background``:
    weight of a uniform component); free of labels ``total_mean``, ``total_covariance``,
    ``log_det_covariance``, ``entropy`` of the weights, and ``log_density`` at five fixed points.

    References
    ----------
    Bovy, Hogg & Roweis 2011, Ann. Appl. Stat. 5, 1657.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> stars = ba.load("hipparcos-nearby")
    >>> model = ba.ExtremeDeconvolution(4, dimensions=("U", "V", "W"))
    >>> _ = model.fit(stars, ba.MAP(), seed=1, progress=False)  # doctest: +SKIP
    """

    n_components: int | tuple[int, ...]
    criterion: str = "held-out"
    fixed: dict[str, Any] | None = None
    background: str | None = None
    regularization: float | None = None
    dimensions: tuple[str, ...] | None = None
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    figures: ClassVar[str] = "extreme_deconvolution"
    references: ClassVar[tuple[str, ...]] = ("bovy2011", "varadhan2008")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Laplace", "MAP", "Emcee", "Gibbs")
    working: ClassVar[tuple[str, ...]] = ("share", "free_mean", "log_cholesky")

    # Checks -------------------------------------------------------------------------------------

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter that cannot be."""
        for count in self.candidates or (None,):
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
                raise ValueError(
                    f"n_components={self.n_components!r} must be a whole number of at least 1, or "
                    "a sequence of such."
                )
        if self.criterion not in ("held-out", "bic"):
            raise ValueError(f"criterion={self.criterion!r} must be 'held-out' or 'bic'.")
        if self.background not in (None, "uniform", "broad"):
            raise ValueError(f"background={self.background!r} must be None, 'uniform' or 'broad'.")
        w = self.regularization
        if w is not None and (
            isinstance(w, bool) or not isinstance(w, int | float | np.number) or not 0 <= w < np.inf
        ):
            raise ValueError(f"regularization={w!r} must be a number >= 0, or None.")
        if w is not None and self.priors:
            raise ValueError("regularization stands in place of priors: give one of the two.")
        if self.fixed is not None:
            known = ("weight", "mean", "covariance")
            if not isinstance(self.fixed, dict) or not set(self.fixed) <= set(known):
                raise ValueError(f"fixed={self.fixed!r:.80} must be a dictionary of {known}.")
            if len(self.candidates) > 1:
                raise ValueError("fixed needs a single n_components.")
        if self.dimensions is not None and (
            not isinstance(self.dimensions, list | tuple)
            or not all(isinstance(name, str) for name in self.dimensions)
            or len(set(self.dimensions)) < len(self.dimensions)
        ):
            raise ValueError(f"dimensions={self.dimensions!r} must be different names.")

    @property
    def candidates(self) -> tuple[int, ...]:
        """The numbers of components to choose from."""
        given = self.n_components
        return tuple(given) if isinstance(given, list | tuple | range | np.ndarray) else (given,)

    @property
    def components(self) -> int:
        """K: the given one, or the one that the fit has chosen."""
        if len(self.candidates) == 1:
            return int(self.candidates[0])
        if self._tree is not None:
            extra = self.background == "broad"
            return int(self.posterior["posterior"].sizes["component"]) - extra
        raise ValueError(
            f"n_components={self.n_components!r} is open: fit chooses one; give a single number here."
        )

    def check_data(self, data: Measurements) -> None:
        """Raise ValueError for data that leave the density undetermined."""
        d = inputs.true_size(data)
        if self.dimensions is not None and len(self.dimensions) != d:
            raise ValueError(
                f"dimensions={self.dimensions!r}: {len(self.dimensions)} names for {d} quantities."
            )
        for j, name in enumerate(data.names):
            column = data.value[:, j]
            if np.isnan(column).all():
                raise ValueError(
                    f"column {name!r} is missing in every row: leave it out with data.select(...)."
                )
            if np.nanmax(column) == np.nanmin(column) and not np.nanmax(data.error[:, j]) > 0:
                raise ValueError(
                    f"column {name!r} is constant ({np.nanmax(column):g}) and without errors: it "
                    "has no density. Leave it out with data.select(...)."
                )
            if self.background == "uniform" and np.nanmax(column) == np.nanmin(column):
                raise ValueError(
                    f"column {name!r} is constant ({np.nanmax(column):g}): background='uniform' has "
                    "no range there. Use 'broad', or leave the column out with data.select(...)."
                )
        if self.fixed is not None:
            inputs.layout(self.fixed, self.components, np.zeros(d), np.ones(d), self.background)
        rows = int((~data.missing).any(axis=1).sum())
        if rows < max(self.candidates) or rows < 2:
            raise ValueError(
                f"{rows} rows with a measurement are too few for {max(self.candidates)} "
                "components: use fewer components."
            )
        if self.regularization == 0 and not self.fixed:
            values = data.value[~data.missing.any(axis=1)]
            if data.projection is None and len(values) and len(np.unique(values, axis=0)) <= d:
                raise ValueError(
                    f"the rows are {len(np.unique(values, axis=0))} different points, which is too "
                    f"few for covariances of {d} columns: use the priors (regularization=None)."
                )
        if data.projection is not None:
            seen = data.projection[~data.missing]
            if np.linalg.matrix_rank(seen.T @ seen) < d:
                raise ValueError(
                    "projection: the rows together do not see every direction of the "
                    f"{d} true quantities; leave the unseen ones out."
                )
            if self.background == "uniform":
                raise ValueError(
                    "background='uniform' has no range under a projection: use 'broad'."
                )

    def units(self, data: Measurements) -> dict[str, str]:
        """Units, where all columns have the same."""
        found = set(data.units)
        if len(found) != 1 or not next(iter(found)):
            return {}
        unit = next(iter(found))
        squared = f"({unit})2"
        return {
            "mean": unit,
            "total_mean": unit,
            "covariance": squared,
            "total_covariance": squared,
        }

    # Priors and coordinates ---------------------------------------------------------------------

    def default_priors(self, data: Measurements) -> dict[str, Prior]:
        """Of the width of the single deconvolved Gaussian; none with `regularization`."""
        if self.regularization is not None:
            return {}
        d = inputs.true_size(data)
        mean, covariance = selection.single_gaussian(data)
        width = np.sqrt(np.diag(covariance))
        # As many of these as there are components fill the volume of the whole.
        scale = covariance / (self.components + (self.background is not None)) ** (2 / d)
        return {
            "weight": Prior("Dirichlet", alpha=1.0),
            "mean": Prior("Normal", mu=mean.tolist(), sigma=(2 * width).tolist()),
            "covariance": Prior("InverseWishart", nu=float(d + 2), scale=scale.tolist()),
        }

    def check_priors(self, priors: dict[str, Prior], data: Measurements) -> None:
        """Conjugate families, of the right size."""
        d = inputs.true_size(data)
        wanted = {"weight": "Dirichlet", "mean": "Normal", "covariance": "InverseWishart"}
        for name, prior in priors.items():
            if prior.distribution != wanted[name]:
                raise ValueError(
                    f"Prior of {name!r}: {prior.distribution} is not possible here; use "
                    f"{wanted[name]}."
                )
        if not priors:
            return
        for key in ("mu", "sigma"):
            size = np.size(priors["mean"].arguments[key])
            if size not in (1, d):
                raise ValueError(f"Prior of 'mean': {key} has {size} entries, expected 1 or {d}.")
        scale = np.asarray(priors["covariance"].arguments["scale"])
        if scale.shape not in ((), (d,), (d, d)):
            raise ValueError(
                f"Prior of 'covariance': scale has shape {scale.shape}, expected {(d, d)}."
            )
        if not priors["covariance"].arguments["nu"] > d - 1:
            raise ValueError(f"Prior of 'covariance': nu must be above {d - 1}, d - 1.")

    def frame(self, data: Measurements, priors: dict[str, Prior]) -> tuple[np.ndarray, np.ndarray]:
        """Shift and scale of the kernel's coordinates: from the priors, so that they are known
        before any data are; without priors from the data."""
        if not priors:
            return inputs.scaled_frame(data)
        d = inputs.true_size(data)
        shift = np.broadcast_to(np.asarray(priors["mean"].arguments["mu"], dtype=float), (d,))
        matrix = selection.scale_matrix(priors["covariance"], d)
        scale = np.sqrt(np.diag(matrix)) * self.components ** (1 / d)
        return shift.copy(), scale

    def problem(self, data: Measurements, priors: dict[str, Prior], threads: int = 1) -> Problem:
        """Points, free parameters and prior in the kernel's coordinates."""
        shift, scale = self.frame(data, priors)
        d = len(shift)
        layout = inputs.layout(self.fixed, self.components, shift, scale, self.background)
        points = self.blocks(data, shift, scale)
        if self.regularization is not None:
            return Problem(points, layout, Regularised(self.regularization / scale**2), threads)
        mu, sigma = (
            np.broadcast_to(np.asarray(priors["mean"].arguments[key], dtype=float), (d,))
            for key in ("mu", "sigma")
        )
        prior = Conjugate(
            float(priors["weight"].arguments["alpha"]),
            (mu - shift) / scale,
            sigma / scale,
            float(priors["covariance"].arguments["nu"]),
            selection.scale_matrix(priors["covariance"], d) / np.outer(scale, scale),
        )
        return Problem(points, layout, prior, threads)

    def blocks(self, data: Measurements, shift: np.ndarray, scale: np.ndarray) -> Any:
        """The points of `data` laid out for the kernel."""
        width = None
        if self.background == "uniform":
            width = inputs.uniform_width(self.data if self._tree is not None else data)
        return inputs.blocks(data, shift, scale, width)

    def labels(self) -> list[str]:
        """Names of the components."""
        names = [str(k) for k in range(self.components)]
        return [*names, "background"] if self.background == "broad" else names

    def names(self, data: Measurements) -> tuple[str, ...]:
        """Names of the true quantities."""
        return inputs.dimensions(data, self.dimensions)

    # The story in PyMC --------------------------------------------------------------------------

    def arrays(self, data: Measurements, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``."""
        return story.table(self.blocks(data, *self.frame(data, priors)))

    def build(self, data: Measurements, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The marginal model; see the class for its equations and `story` for its coordinates."""
        priors = self.resolve_priors(data) if priors is None else priors
        if not priors:
            raise ValueError(
                "regularization stands for an improper prior, which cannot be sampled: use "
                "ba.MAP(), or regularization=None for proper priors."
            )
        frame = self.frame(data, priors)
        return story.mixture_model(
            self.problem(data, priors), *frame, self.labels(), self.names(data)
        )

    def starts(
        self,
        data: Measurements,
        priors: dict[str, Prior],
        count: int,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum."""
        return objects.starts(self.problem(data, priors), count, rng)

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds what does not depend on labels."""
        names = tuple(draws["dimension"].values.tolist())
        mixture = Mixture.of(draws)
        shape = (draws.sizes["chain"], draws.sizes["draw"])

        def entry(values: np.ndarray, *dims: str) -> Any:
            return ("chain", "draw", *dims), values.reshape(*shape, *values.shape[1:])

        total = mixture.total_covariance()
        added = {
            "total_mean": entry(mixture.total_mean(), "dimension"),
            "total_covariance": entry(total, "dimension", "dimension_2"),
            "log_det_covariance": entry(np.linalg.slogdet(total)[1]),
            "entropy": entry(mixture.entropy()),
        }
        if priors:
            anchors = selection.anchors(priors, len(names), ANCHORS)
            added["log_density"] = entry(objects.fast_log_density(mixture, anchors), "anchor")
        return draws.assign(added)

    def judged(self) -> tuple[str, ...]:
        """What does not depend on labels."""
        return ("total_mean", "total_covariance", "log_det_covariance", "entropy", "log_density")

    # Choices ------------------------------------------------------------------------------------

    def default_sampler(self, data: Measurements) -> tuple[Sampler, str]:
        """NUTS where it takes about a minute, Laplace for more, MAP for millions."""
        from bayes_astro.samplers import MAP, NUTS, Laplace

        if self.regularization is not None:
            return MAP(), "regularization has no proper prior: MAP is its only fit"
        work = len(data) * max(self.candidates)
        size = f"{len(data)} rows x {max(self.candidates)} components"
        if work <= FOR_NUTS:
            # Weights near zero and small components bend the posterior: shorter steps follow it.
            return NUTS(target_accept=0.9), f"{size}: few enough for NUTS, which is exact"
        if work <= FOR_LAPLACE:
            return Laplace(), f"{size}: too many for NUTS in a minute; ba.NUTS() takes longer"
        return MAP(), f"{size}: too many for a posterior in minutes; ba.Laplace() takes longer"

    def settled(
        self, data: Measurements, seed: int, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With K chosen, if it was open; group ``selection`` says how."""
        if len(self.candidates) == 1:
            return self, {}
        return selection.choose(self, data, seed, progress)

    # Samplers of its own ------------------------------------------------------------------------

    def maximum(
        self,
        data: Measurements,
        priors: dict[str, Prior],
        search: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """The best maximum that EM finds."""
        problem = self.problem(data, priors, search.workers)
        run, statistics = objects.search(problem, search, rng, progress)
        stacked = objects.stacked([run.parameters])
        return {
            "posterior": self._draws(stacked, data, priors),
            "sample_stats": statistics,
        }

    def laplace(
        self,
        data: Measurements,
        priors: dict[str, Prior],
        settings: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about the maximum."""
        problem = self.problem(data, priors, settings.search.workers)
        run, statistics = objects.search(problem, settings.search, rng, progress)
        stacked, efficiency = objects.laplace(problem, run, settings.draws, rng)
        statistics.attrs["importance_efficiency"] = efficiency
        return {"posterior": self._draws(stacked, data, priors), "sample_stats": statistics}

    def gibbs(
        self,
        data: Measurements,
        priors: dict[str, Prior],
        settings: Any,
        rng: np.random.Generator,
        report: Any,
    ) -> xr.Dataset | None:
        """Draws by turns: true values and labels given the mixture, the mixture given those."""
        from bayes_astro.density import gibbs

        problem = self.problem(data, priors)
        chains = gibbs.chains(problem, settings, rng, report)
        return None if chains is None else self._draws(chains, data, priors, chained=True)

    def _draws(
        self,
        stacked: dict[str, np.ndarray],
        data: Measurements,
        priors: dict[str, Prior],
        *,
        chained: bool = False,
    ) -> xr.Dataset:
        """Scaled parameters (s, ...) as variables of the posterior, along ``sample``."""
        import xarray as xr

        shift, scale = self.frame(data, priors)
        lead = ("chain", "draw")
        names = self.names(data)
        arrays = {
            "weight": (lead + ("component",), stacked["weight"]),
            "mean": (lead + ("component", "dimension"), shift + scale * stacked["mean"]),
            "covariance": (
                lead + ("component", "dimension", "dimension_2"),
                np.outer(scale, scale) * stacked["covariance"],
            ),
        }
        if self.background == "uniform":
            arrays["background"] = (lead, stacked["background"])
        if not chained:
            arrays = {name: (dims, values[None]) for name, (dims, values) in arrays.items()}
        first = arrays["weight"][1]
        coords = {
            "chain": np.arange(first.shape[0]),
            "draw": np.arange(first.shape[1]),
            "component": self.labels(),
            "dimension": list(names),
            "dimension_2": list(names),
        }
        found = self.derived(xr.Dataset(arrays, coords), priors)
        if chained:
            return found
        return found.isel(chain=0, drop=True).drop_vars("draw").rename(draw="sample")

    def _checked_columns(self, at: Any) -> Measurements:
        """`at` if it is measurements of the fitted quantities."""
        if not isinstance(at, Measurements):
            raise ValueError(
                f"expected a Measurements with the errors of the objects, got {type(at).__name__}."
            )
        fitted = self.data if self._tree is not None else at
        if at.names != fitted.names or inputs.true_size(at) != inputs.true_size(fitted):
            raise ValueError(
                f"expected the columns {', '.join(fitted.names)}, got {', '.join(at.names)}: use "
                "data.select(...), and the same kind of projection."
            )
        return at

    # From draws to results ----------------------------------------------------------------------

    def mixture(self, draws: int | None = None) -> Mixture:
        """The Gaussian mixtures of the posterior: one density for each draw.

        Parameters
        ----------
        draws : int, optional
            About as many, evenly spaced; None: all.
        """
        return Mixture.of(self.thinned(draws))

    def condition(self, known: dict[str, float], draws: int | None = None) -> Mixture:
        """The density of the remaining quantities, given true values of some."""
        return self.mixture(draws).condition(known)

    def marginal(self, names: Any, draws: int | None = None) -> Mixture:
        """The density of some of the quantities."""
        return self.mixture(draws).marginal(names)

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draw n true values, each from the density of one posterior draw: (n, d)."""
        mixture = self.mixture()
        rng = np.random.default_rng(self.record["seed"] if seed is None else seed)
        which = rng.integers(len(mixture.weight), size=n)
        part = Mixture(
            mixture.weight[which], mixture.mean[which], mixture.covariance[which], mixture.names
        )
        return part.sample(1, int(rng.integers(2**31)))[:, 0]

    def log_density(self, at: Any, errors: Any = None, *, draws: int | None = 400) -> xr.Dataset:
        """Log density of true values at points, or of measured ones, with its band.

        Parameters
        ----------
        at : array (m, d) or Measurements
            Points; measurements bring their own errors, projections and missing columns.
        errors : array (m, d) or (m, d, d), optional
            Of measured values: standard deviations or covariances.
        draws : int, optional
            Of the posterior, about as many; None: all.

        Returns
        -------
        xarray.Dataset
            ``log_density`` (chain, draw, row); by row ``mean`` (logarithm of the mean density)
            and the quantiles ``q025``, ``q16``, ``q84``, ``q975`` of the logarithm.
        """
        return objects.log_density(self, at, errors, draws)

    def score(self, data: Measurements, draws: int | None = 400) -> float:
        """Mean log predictive density of a row, weighted by the rows' weights."""
        from scipy.special import logsumexp

        each = self.pointwise(self.thinned(draws), self._checked(data)).values
        each = each.reshape(-1, len(data))
        log_score = logsumexp(each, axis=0) - np.log(len(each))
        return float(np.average(log_score, weights=data.weight))

    def held_out(self, data: Measurements, folds: int = 5, seed: int = 0) -> np.ndarray:
        """Log scores of rows held out in turn, each fold fitted by `ba.MAP`: (folds,)."""
        self.check_parameters()
        return selection.held_out(self, self._checked(data), folds, seed)

    def unusual(self, data: Measurements | None = None, *, seed: int = 0) -> pd.DataFrame:
        """Which objects does the density not expect?

        Parameters
        ----------
        data : Measurements, optional
            None: the fitted ones.

        Returns
        -------
        pandas.DataFrame
            By row: ``log_evidence``, the log density of the measurement, averaged over the
            posterior; ``tail_probability``, how often a new object with the same errors has a
            smaller one (from 999 simulated); ``unusual`` where that is at most 0.002.
        """
        return objects.unusual(self, data, seed)

    def relabel(self) -> xr.Dataset:
        """Weights, means and covariances with the components of all draws in one order.

        Each draw's components are matched to those of one draw, whose total mean is nearest to
        the posterior's, so that the distances of their means, in widths, are smallest (Hungarian
        algorithm). Components that the data cannot tell apart stay mixed.
        """
        return objects.relabelled(self.posterior["posterior"].to_dataset())

    def pointwise(self, draws: xr.Dataset, data: Measurements) -> xr.DataArray:
        """Log density of every measurement: (chain, draw, row)."""
        import xarray as xr

        values = objects.log_densities(self, draws, data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """What is known of the true value of each measured object.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Measurements
            Those that were fitted.
        at : Measurements
            With their errors, projections and missing columns.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` (chain, draw, row, dimension): draws of the true value given the
            measurement; ``observation`` (chain, draw, row, column): of a second measurement of
            the same object; ``responsibility`` (chain, draw, row, component);
            ``conditional_mean`` (row, dimension) and ``conditional_covariance``, the moments
            over all draws.
        """
        return objects.forecast(self, draws, at, rng)

    def replicate(
        self, draws: xr.Dataset, data: Measurements, at: Any, rng: np.random.Generator
    ) -> xr.DataArray:
        """Measurements of new objects with the errors of `at`: (chain, draw, row, column)."""
        import xarray as xr

        mixture = Mixture.of(draws)
        uniform = draws["background"].values.ravel() if "background" in draws else None
        values = objects.replicate(mixture, uniform, at, data, rng)
        shape = (draws.sizes["chain"], draws.sizes["draw"])
        return xr.DataArray(
            values.reshape(*shape, *at.value.shape),
            dims=("chain", "draw", "row", "column"),
            coords={"column": list(at.names)},
        )

    def thinned(self, draws: int | None) -> xr.Dataset:
        """About `draws` draws of the posterior, evenly spaced."""
        posterior = self.posterior["posterior"].to_dataset()
        if draws is None:
            return posterior
        each = max(1, min(posterior.sizes["draw"], int(draws) // posterior.sizes["chain"]))
        keep = np.linspace(0, posterior.sizes["draw"] - 1, each).round().astype(int)
        return posterior.isel(draw=keep)

    def prior_draws(
        self,
        design: Measurements,
        priors: dict[str, Prior],
        draws: int,
        rng: np.random.Generator,
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        if not priors:
            raise ValueError("regularization stands for an improper prior: nothing to draw from.")
        problem_layout = inputs.layout(
            self.fixed, self.components, *self.frame(design, priors), self.background
        )
        stacked = selection.prior_sample(
            problem_layout, priors, draws, rng, *self.frame(design, priors)
        )
        found = self._draws(stacked, design, priors)
        return found.expand_dims("chain").rename(sample="draw")

    def simulate_data(
        self, parameters: xr.Dataset, design: Measurements, rng: np.random.Generator
    ) -> Measurements:
        """New objects with the errors, projections and gaps of `design`."""
        draws = parameters.expand_dims(["chain", "draw"])
        value = self.replicate(draws, design, design, rng).values[0, 0]
        return design.replace(value=value)

    def checks(self) -> list[Check]:
        """Why this sampler, and components that hold next to nothing."""
        from bayes_astro.diagnostics import Check

        found = []
        record = self.record
        because = record.get("sampler_because", "")
        if because and because != "asked for":
            found.append(Check("choice of sampler", None, len(self.data), because, "by size"))
        least = float(self.posterior["posterior"]["weight"].mean(("chain", "draw")).min())
        if least * len(self.data) < 1:
            found.append(
                Check(
                    "points in the smallest component",
                    None,
                    least * len(self.data),
                    "a component holds less than a point: fewer components may do",
                    "more than one",
                )
            )
        return found

    def baseline(self) -> Any:
        """A Gaussian mixture that ignores the errors."""
        from bayes_astro.baselines.density import GaussianMixture

        return GaussianMixture(self.components)

    def equation(self) -> str:
        """The model in one line."""
        text = "x_i ~ Σ_k weight_k N(R_i mean_k, R_i covariance_k R_i' + S_i)"
        extra = {"uniform": " + uniform background", "broad": " + broad background"}
        return text + extra.get(self.background or "", "") + "; true values marginalised"
