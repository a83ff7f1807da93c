"""The density of true values behind noisy, projected or incomplete measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements
from bayes_astro.density import inputs
from bayes_astro.density.deconvolved import DeconvolvedDensity
from bayes_astro.diagnostics import Check
from bayes_astro.hooks import hook
from bayes_astro.mixtures import log_densities, row_checks, selection
from bayes_astro.mixtures.expectation import Deconvolution, Regularised
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.mixtures.mixture_problem import MixtureProblem
from bayes_astro.mixtures.priors import check_wishart, conjugate
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, choice, is_whole, number, optional
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["ExtremeDeconvolution"]

FOR_NUTS = 2e4
FOR_LAPLACE = 5e6
"""Points times components up to which a sampler is the default: about a minute of work each."""
ANCHORS = 5


@dataclass(eq=False, repr=False)
class ExtremeDeconvolution(DeconvolvedDensity):
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
        scale=D / K^(2/d)), whose mean is its scale. D is diagonal, the lesser of S's variance and
        the square of half the central 68%, so that neither the data's correlations nor single rows
        make the prior. It adds this scatter to that of each component's points: for components
        much narrower than that and of few points, give a smaller scale.

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
    >>> stars = ba.load("hipparcos-nearby")[:300]
    >>> model = ba.ExtremeDeconvolution(1, dimensions=("U", "V", "W"))
    >>> _ = model.fit(stars, ba.MAP(restarts=2), seed=1, progress=False)
    >>> model.posterior["posterior"]["total_mean"].dims
    ('chain', 'draw', 'dimension')
    """

    n_components: int | tuple[int, ...]
    criterion: str = "held-out"
    fixed: dict[str, Any] | None = None
    background: str | None = None
    regularization: float | None = None
    dimensions: tuple[str, ...] | None = None
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Measurements
    settings: ClassVar[dict[str, Setting]] = {
        "criterion": choice("held-out", "bic"),
        "background": choice(None, "uniform", "broad"),
        "regularization": optional(number(0, np.inf, "a number >= 0, or None", at_low=True)),
    }
    references: ClassVar[tuple[str, ...]] = ("bovy2011", "varadhan2008")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Laplace", "MAP", "Emcee", "Gibbs")
    internal: ClassVar[tuple[str, ...]] = ("share", "free_mean", "log_cholesky")
    _internal: ClassVar[tuple[str, ...]] = ("candidates", "thinned")

    # Checks -------------------------------------------------------------------------------------

    def check_settings(self) -> None:
        """Raise ValueError for settings that do not go together."""
        for count in self.candidates or (None,):
            if not is_whole(count) or count < 1:  # type: ignore[operator]
                raise ValueError(
                    f"n_components={self.n_components!r} must be a whole number of at least 1, or "
                    "a sequence of such."
                )
        if self.regularization is not None and self.priors:
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
        inputs.check_columns(data, self.background, collinear=bool(self.fixed))
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
        inputs.check_projection(data, self.background)

    def units(self, data: Measurements) -> dict[str, str]:
        """Units, where all columns have the same."""
        found = set(data.units)
        if len(found) != 1 or not next(iter(found)):
            return {}
        unit = next(iter(found))
        return {"mean": unit, "total_mean": unit} | dict.fromkeys(
            ("covariance", "total_covariance"), f"({unit})2"
        )

    # Priors and coordinates ---------------------------------------------------------------------

    def parameters(self, data: Measurements) -> list[Parameter]:
        """Of the width of the single deconvolved Gaussian; none with `regularization`."""
        if self.regularization is not None:
            return []
        d = inputs.true_size(data)
        mean, covariance = selection.single_gaussian(data)
        width = np.sqrt(np.diag(covariance))
        # As many of these as there are components fill the volume of the whole.
        parts = self.components + (self.background is not None)
        scale = np.diag(selection.robust_variance(data, mean, covariance) / parts ** (2 / d))
        normal = Prior("Normal", mu=mean.tolist(), sigma=(2 * width).tolist())
        wishart = Prior("InverseWishart", nu=float(d + 2), scale=scale.tolist())
        return conjugate(Prior("Dirichlet", alpha=1.0), normal, wishart)

    def coords(self, data: Measurements) -> dict[str, Any]:
        """The dimensions of the true quantities."""
        return {"dimension": self.names(data)}

    def check_priors(self, priors: dict[str, Prior], data: Measurements) -> None:
        """Scales of the right size."""
        if priors:
            check_wishart(priors["covariance"], inputs.true_size(data))

    @hook
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

    def problem(self, data: Measurements, priors: dict[str, Prior]) -> MixtureProblem:
        """The marginal posterior in the coordinates of the kernel."""
        return MixtureProblem(
            self, data, priors, frame=self.frame(data, priors), labels=self.labels(),
            names=self.names(data),
        )  # fmt: skip

    @hook
    def deconvolution(
        self, data: Measurements, priors: dict[str, Prior], threads: int = 1
    ) -> Deconvolution:
        """Points, free parameters and prior in the kernel's coordinates."""
        shift, scale = self.frame(data, priors)
        layout = inputs.layout(self.fixed, self.components, shift, scale, self.background, priors)
        points = self.blocks(data, shift, scale)
        if self.regularization is not None:
            return Deconvolution(
                points, layout, Regularised(self.regularization / scale**2), threads
            )
        prior = selection.conjugate_in(priors, shift, scale)
        return Deconvolution(points, layout, prior, threads)

    @hook
    def blocks(self, data: Measurements, shift: np.ndarray, scale: np.ndarray) -> Any:
        """The points of `data` laid out for the kernel."""
        width = None
        if self.background == "uniform":
            width = inputs.uniform_width(self.data if self._tree is not None else data)
        return inputs.blocks(data, shift, scale, width)

    @hook
    def labels(self) -> list[str]:
        """Names of the components."""
        names = [str(k) for k in range(self.components)]
        return [*names, "background"] if self.background == "broad" else names

    @hook
    def names(self, data: Measurements) -> tuple[str, ...]:
        """Names of the true quantities."""
        return inputs.dimensions(data, self.dimensions)

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
            added["log_density"] = entry(log_densities.fast_log_density(mixture, anchors), "anchor")
        return draws.assign(added)

    def converged_on(self) -> tuple[str, ...]:
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

    def settle(
        self, data: Measurements, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With K chosen, if it was open; group ``selection`` says how."""
        if seed is None or len(self.candidates) == 1:
            return self, {}
        return selection.choose(self, data, seed, progress)

    # From draws to results ----------------------------------------------------------------------

    @hook
    def checked_columns(self, at: Any) -> Measurements:
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
        problem = self.problem(design, priors)
        frame = (problem.shift, problem.scale)
        layout = inputs.layout(self.fixed, self.components, *frame, self.background, priors)
        stacked = selection.prior_sample(layout, priors, draws, rng, *frame)
        return problem.draws(stacked).expand_dims("chain").rename(sample="draw")

    def checks(self) -> list[Check]:
        """Why this sampler, and what the rows say."""
        found = []
        record = self.record
        because = record.get("sampler_because", "")
        if because and because != "asked for":
            found.append(Check("choice of sampler", None, len(self.data), because, "by size"))
        return [*found, *row_checks.checks(self)]

    def equation(self) -> str:
        """The model in one line."""
        text = "x_i ~ Σ_k weight_k N(R_i mean_k, R_i covariance_k R_i' + S_i)"
        extra = {"uniform": " + uniform background", "broad": " + broad background"}
        return text + extra.get(self.background or "", "") + "; true values marginalised"
