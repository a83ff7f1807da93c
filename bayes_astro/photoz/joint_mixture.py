"""Redshifts of galaxies from their magnitudes, by the joint density of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Measurements, Photometry
from bayes_astro.density import inputs
from bayes_astro.diagnostics import Check, repeated
from bayes_astro.draws import entries
from bayes_astro.hooks import hook
from bayes_astro.mixtures import log_densities, selection
from bayes_astro.mixtures.expectation import Deconvolution
from bayes_astro.mixtures.features import softening
from bayes_astro.mixtures.mixture import Mixture
from bayes_astro.mixtures.mixture_problem import MixtureProblem
from bayes_astro.mixtures.priors import check_wishart, conjugate
from bayes_astro.model import Model
from bayes_astro.parameters import (
    Parameter,
    Setting,
    choice,
    either,
    is_number,
    number,
    optional,
    switch,
    whole,
)
from bayes_astro.photoz import error_scale, evidence, held_out, training
from bayes_astro.photoz.conditioned import ConditionedRedshifts
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["XDPhotoZ"]

LEAST_OBJECTS = 0.8
"""Draws of a posterior that densities are averaged over, if it has more."""


@dataclass(eq=False, repr=False)
class XDPhotoZ(ConditionedRedshifts):
    r"""The joint density of magnitudes and redshift, a mixture of Gaussians behind the errors.

    The story. A galaxy comes from one of K clouds in magnitudes m and log redshift; its magnitudes
    are measured with errors, its redshift, in the training set, without:

    .. code-block:: text

        weight ~ Dirichlet,  mean_k ~ Normal,  covariance_k ~ InverseWishart
        (m_i, log(1 + z_i)) ~ sum_k weight_k N(mean_k, covariance_k)
        x_i ~ N(m_i, diag(kappa_b^2 sigma_ib^2) + tau^2 1 1')
        kappa_b ~ LogNormal(0, 0.5),    tau ~ HalfNormal(0.05 mag)

    x are asinh magnitudes (`bayes_astro.mixtures.features`). Given the mixture, p(z | x_i) of an object
    is a mixture of Gaussians in log(1 + z), and the evidence p(x_i) says whether there were such
    objects in the training set (`bayes_astro.likelihoods.conditional_mixture`). A band that was not
    measured is integrated out, which is to leave its row out. Published errors are not always what
    the scatter is: kappa and tau are inferred (`bayes_astro.photoz.error_scale`).

    Objects with known redshift train; others, and those without any flux, are left aside.

    Parameters
    ----------
    n_components : int or "auto"
        K, beside a broad background for measurements that are wrong. "auto": one for each 100
        objects, at most 100; below 1000 objects one for each 20, at most 10.
    n_fits : int
        Mixtures from different starts that `ba.MAP` fits; their densities are averaged.
    transform : {"asinh", "log"}
        Magnitudes that fluxes become; "log" needs positive fluxes.
    error_scale : {"infer", "published"}, float or dict of str to float
        kappa of all bands, or of each.
    common_error : float, optional
        tau in magnitudes. Default: inferred together with `error_scale`, otherwise 0.
    bootstrap : bool
        Weigh the training set anew for each fit (Rubin 1981), so that the fits differ by what a
        finite training set leaves open: for `PopulationNz`, and with more fits, say 20.
    priors : dict of str to Prior, optional
        ``weight``: Dirichlet(alpha=2); ``mean``: Normal about the mean of the sample with three
        times its width; ``covariance``: InverseWishart(nu=m + 3, scale=S / 100) of the sample's
        covariance S; ``error_scale``: LogNormal(mu=0, sigma=0.5); ``common_error``:
        HalfNormal(sigma=0.05).

    Notes
    -----
    Variables: ``weight``, ``mean``, ``covariance`` by component and dimension (the bands and
    log(1+z)), ``error_scale`` and ``softening`` by band, ``common_error``. The fits of an ensemble
    are draws, which say nothing of their uncertainty unless `bootstrap` is set.

    Densities reach down to z = -0.01, as redshifts of the nearest galaxies do: a grid that begins at
    zero cuts off what is below.

    References
    ----------
    Bovy, Hogg & Roweis 2011, Ann. Appl. Stat. 5, 1657; Bovy et al. 2012, ApJ 749, 41.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> model = ba.XDPhotoZ(2, n_fits=1, error_scale="published")
    >>> _ = model.fit(galaxies[:300], ba.MAP(restarts=2), seed=1, progress=False)
    >>> model.pdf(galaxies[300:302], [0.0, 0.1, 0.2]).shape
    (2, 3)
    """

    n_components: int | str = "auto"
    n_fits: int = 4
    transform: str = "asinh"
    error_scale: Any = "infer"
    common_error: float | None = None
    bootstrap: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Photometry
    settings: ClassVar[dict[str, Setting]] = {
        "n_components": either("auto", whole(1)),
        "n_fits": whole(1),
        "transform": choice("asinh", "log"),
        "common_error": optional(
            number(0, np.inf, "a number >= 0 in magnitudes, or None", at_low=True)
        ),
        "bootstrap": switch,
    }
    references: ClassVar[tuple[str, ...]] = ("bovy2011", "bovy2012")
    samplers: ClassVar[tuple[str, ...]] = ("MAP", "Laplace", "NUTS", "Emcee")
    internal: ClassVar[tuple[str, ...]] = ("share", "free_mean", "log_cholesky")

    # Checks -------------------------------------------------------------------------------------

    def check_settings(self) -> None:
        """Raise ValueError for scales of the errors that cannot be."""
        scale = self.error_scale
        if isinstance(scale, str) and scale in ("infer", "published"):
            return
        values = list(scale.values()) if isinstance(scale, dict) else [scale]
        if not all(is_number(value) and 0 < value < np.inf for value in values):
            raise ValueError(
                f"error_scale={scale!r} must be 'infer', 'published', a positive number, or "
                "such a number for each band."
            )

    def check_data(self, data: Photometry) -> None:
        """Raise ValueError for a training set that leaves the density undetermined."""
        if data.redshift is None or np.isnan(data.redshift).all():
            raise ValueError(
                "redshift: none is known; XDPhotoZ learns from objects with redshifts."
            )
        rows = training.with_redshift(data)
        wanted = 1 if self.n_components == "auto" else int(self.n_components)
        least = max(wanted, 2 * len(data.bands) + 2)
        if len(rows) < least:
            raise ValueError(
                f"{len(rows)} objects with redshift and flux are too few for {wanted} components in "
                f"{len(data.bands)} bands (at least {least}): use fewer components, or bands."
            )
        if np.ptp(np.asarray(rows.redshift)) == 0:
            raise ValueError("redshift: all are the same, which leaves nothing to learn.")
        for j, band in enumerate(data.bands):
            if rows.missing[:, j].all():
                raise ValueError(
                    f"band {band!r} is missing in every object with a redshift: leave it out with "
                    "photometry.select(...)."
                )
        if isinstance(self.error_scale, dict) and set(self.error_scale) != set(data.bands):
            raise ValueError(
                f"error_scale is given for {', '.join(self.error_scale)}; the bands are "
                f"{', '.join(data.bands)}."
            )

    def responses(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return np.full(len(data), np.nan) if data.redshift is None else data.redshift

    # Choices from the data ----------------------------------------------------------------------

    @property
    def components(self) -> int:
        """K: the given one, or the one that the fit has chosen."""
        if self.n_components != "auto":
            return int(self.n_components)
        return int(self.posterior["posterior"].sizes["component"]) - 1

    def coords(self, data: Photometry) -> dict[str, Any]:
        """The bands and log(1 + z); the bands."""
        return {"dimension": (*data.bands, training.REDSHIFT), "band": data.bands}

    def parameters(self, data: Photometry) -> list[Parameter]:
        """Of the width of the sample."""
        measured = training.joint(training.with_redshift(data), self.transform)
        scale = Prior("LogNormal", mu=0.0, sigma=0.5)
        return [
            *conjugate(*selection.of_the_whole(measured, training.SHRINKAGE)),
            Parameter("error_scale", scale, ("band",), support="positive"),
            Parameter("common_error", Prior("HalfNormal", sigma=0.05), support="positive"),
        ]

    def units(self, data: Photometry) -> dict[str, str]:
        """None: magnitudes, and logarithms."""
        return {}

    def check_priors(self, priors: dict[str, Prior], data: Photometry) -> None:
        """Scales of the right size."""
        check_wishart(priors["covariance"], len(data.bands) + 1)

    def settle(
        self, data: Photometry, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the number of components and the scale of the errors."""
        if seed is None:
            return self._assumed(data), {}
        rows = training.with_redshift(data)
        chosen: dict[str, Any] = {"n_components": self.n_components}
        if self.n_components == "auto":
            chosen["n_components"] = training.automatic_components(len(rows))
        groups: dict[str, xr.Dataset] = {}
        tau = self.common_error
        if isinstance(self.error_scale, str) and self.error_scale == "infer":
            kappa, tau, groups["error_scale"] = error_scale.infer(
                rows, self.transform, int(chosen["n_components"]), int(self.n_fits),
                self.resolve_priors(data), tau, seed, progress,
            )  # fmt: skip
            chosen["error_scale"] = dict(zip(data.bands, kappa.tolist(), strict=True))
        chosen["common_error"] = 0.0 if tau is None else float(tau)
        return self.copy(**chosen), groups

    def _assumed(self, data: Photometry) -> XDPhotoZ:
        """As a fit has chosen; before one, errors are what is published."""
        if self._tree is None:
            inferred = isinstance(self.error_scale, str)
            count = self.n_components
            if count == "auto":
                count = training.automatic_components(len(training.with_redshift(data)))
            return self.copy(
                n_components=count,
                error_scale="published" if inferred else self.error_scale,
                common_error=self.common_error or 0.0,
            )
        draws = self.posterior["posterior"].isel(chain=0, draw=0)
        scales = zip(map(str, draws["band"].values), draws["error_scale"].values, strict=True)
        return self.copy(
            n_components=self.components,
            error_scale={band: float(scale) for band, scale in scales},
            common_error=float(draws["common_error"]),
        )

    @hook
    def scales(self, bands: tuple[str, ...]) -> np.ndarray:
        """kappa of each band."""
        if isinstance(self.error_scale, dict):
            return np.array([float(self.error_scale[band]) for band in bands])
        return np.full(len(bands), 1.0 if isinstance(self.error_scale, str) else self.error_scale)

    def default_sampler(self, data: Photometry) -> tuple[Sampler, str]:
        """Maxima as good as predictions need: to a thousandth of a nat for each object."""
        from bayes_astro.samplers import MAP

        tolerance = max(0.05, 1e-3 * len(data))
        return MAP(restarts=2, tolerance=tolerance, max_steps=20_000, moves=0), ""

    # Fitting ------------------------------------------------------------------------------------

    def _joint(self, data: Photometry, soft: np.ndarray | None = None) -> Measurements:
        """Magnitudes and log(1+z) of the objects that train, with their errors."""
        rows, tau = training.with_redshift(data), self.common_error or 0.0
        return training.joint(rows, self.transform, self.scales(data.bands), tau, soft)

    @hook
    def frame(self, data: Photometry, priors: dict[str, Prior]) -> tuple[np.ndarray, np.ndarray]:
        """Shift and scale of the kernel's coordinates."""
        return inputs.scaled_frame(self._joint(data))

    def problem(self, data: Photometry, priors: dict[str, Prior]) -> MixtureProblem:
        """The joint density of magnitudes and log(1+z), for given scales of the errors."""
        return MixtureProblem(
            self, data, priors, frame=self.frame(data, priors), labels=self._labels(),
            names=(*data.bands, training.REDSHIFT), constants=self._constants(data),
            bands=data.bands, fits=int(self.n_fits), bootstrap=bool(self.bootstrap),
        )  # fmt: skip

    @hook
    def deconvolution(
        self, data: Photometry, priors: dict[str, Prior], threads: int = 1, weight: Any = None
    ) -> Deconvolution:
        """Points, free parameters and prior in the kernel's coordinates."""
        measured = self._joint(data)
        if weight is not None:
            measured = measured.replace(weight=weight(len(measured)))
        return training.problem(measured, self.components, priors, threads)[0]

    def _constants(self, data: Photometry) -> dict[str, tuple[np.ndarray, str | None]]:
        """What belongs to the posterior's variables and was settled before: value, dimension."""
        return {
            "error_scale": (self.scales(data.bands), "band"),
            "softening": (softening(training.with_redshift(data)), "band"),
            "common_error": (np.array(self.common_error or 0.0), None),
        }

    def _labels(self) -> list[str]:
        return [*(str(k) for k in range(self.components)), "background"]

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds the moments of the whole, which do not depend on labels."""
        mixture = Mixture.of(draws)
        return draws.assign(
            total_mean=entries(draws, mixture.total_mean(), "dimension"),
            total_covariance=entries(draws, mixture.total_covariance(), "dimension", "dimension_2"),
        )

    def converged_on(self) -> tuple[str, ...]:
        """What does not depend on labels."""
        return ("total_mean", "total_covariance")

    def groups(self, tree: xr.DataTree, data: Photometry) -> dict[str, xr.Dataset]:
        """Group ``reference``: how evidences of objects from the model scatter."""
        import xarray as xr

        density = self._density(tree["posterior"].to_dataset(), data)
        quantiles = evidence.reference(density, data, np.random.default_rng(11))
        bands = np.arange(1, len(data.bands) + 1)
        coords = {"bands_measured": bands, "probability": evidence.PROBABILITIES}
        return {
            "reference": xr.Dataset(
                {"statistic": (("bands_measured", "probability"), quantiles)}, coords
            )
        }

    # From draws to results ----------------------------------------------------------------------

    def prior_draws(
        self, design: Photometry, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior, for the scales of the errors that are set."""
        problem = self.problem(design, priors)
        layout, frame = problem.deconvolution().layout, (problem.shift, problem.scale)
        stacked = selection.prior_sample(layout, priors, draws, rng, *frame)
        return problem.draws(stacked).expand_dims("chain").rename(sample="draw")

    def pointwise(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log joint density of magnitudes and log(1+z): (chain, draw, row).

        0 for objects that do not train, without redshift or without flux.
        """
        import xarray as xr

        data = self._photometry(data)
        soft = draws["softening"].transpose("chain", "draw", "band").values[0, 0]
        measured = self._joint(data, soft)
        known = training.trains(data)
        frame = inputs.scaled_frame(measured)
        values = np.zeros((draws.sizes["chain"] * draws.sizes["draw"], len(data)))
        values[:, known] = log_densities.measured_log_density(
            draws, inputs.blocks(measured, *frame, None), *frame
        )
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def checks(self) -> list[Check]:
        """Whether one redshift is too common, and a maximum may stand for what is not known."""
        data = training.with_redshift(self.data)
        assert data.redshift is not None
        found = [repeated(data.redshift, "redshift", "leave them out, or train on them apart")]
        maxima = self.record["sampler"]["name"] == "MAP"
        judged = held_out.pit_of_others(self) if maxima else self.pit(held_out.some(data))
        found += held_out.calibrated(judged, "other components, errors or objects that train")
        if not maxima or self.bootstrap:
            return found
        d = len(data.bands) + 1
        each = len(data) / ((self.components + 1) * (1 + d + d * (d + 1) / 2))
        return [
            *found,
            Check(
                "objects for each parameter of the mixture",
                bool(each >= LEAST_OBJECTS and len(data) >= 100),
                each,
                "densities are too narrow where so few objects train: use ba.Laplace(), "
                "bootstrap=True with n_fits=20, or fewer components",
                f"at least {LEAST_OBJECTS:g}, and 100 objects",
            ),
        ]

    def equation(self) -> str:
        """The model in one line."""
        return (
            "(magnitudes_i, log(1+z_i)) ~ Σ_k weight_k N(mean_k, covariance_k + S_i), "
            "S_i = diag(κ_b² σ_ib²) + τ² 11'; p(z | magnitudes) by conditioning"
        )
