"""Redshifts of galaxies from spectral templates that learn what they lack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import Photometry
from bayes_astro.data.templates import Filters, Templates
from bayes_astro.diagnostics import Check
from bayes_astro.hooks import hook
from bayes_astro.model import Model
from bayes_astro.parameters import (
    Parameter,
    Setting,
    choice,
    either,
    number,
    optional,
    switch,
    whole,
)
from bayes_astro.photoz import correction, held_out, magnitude_prior
from bayes_astro.photoz.colours import fluxes
from bayes_astro.photoz.template_grid import TemplateGrid
from bayes_astro.photoz.template_problem import TemplateProblem
from bayes_astro.photoz.template_redshifts import TemplateRedshifts
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["TemplatePhotoZ"]

SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


@dataclass(eq=False, repr=False)
class TemplatePhotoZ(TemplateRedshifts):
    r"""Spectra of galaxies, redshifted and seen through filters, with a prior that is inferred.

    The story. An object of reference magnitude m has a type t and a redshift z; its fluxes are those
    of the type's template at that redshift, corrected for what templates lack, times an amplitude of
    its own:

    .. code-block:: text

        weight ~ Dirichlet,   fading_c, depth_c, growth_c, shape_c  of each class c of types
        p(t | m) ~ weight_t exp(fading_c(t) (m - m0))
        p(z | t, m) ~ z^shape exp(-(z / z_m)^shape),   z_m = depth exp(growth (m - m0))
        f_b ~ N(a F_tb(z) (1 + delta_tb(z)), sigma_b^2 + (s_b f_b)^2),   a > 0 flat

    the prior of Benitez (2000) but for z_m, which there is linear in m. a is integrated out
    (`bayes_astro.likelihoods.template_fit`); F are fluxes through the filters with the hydrogen between
    galaxy and us (`bayes_astro.photoz.colours`); delta, a Gaussian process by band, type and redshift,
    and s, what remains, are learned from the objects with known redshift and then held
    (`bayes_astro.photoz.correction`). The parameters of the prior are sampled: objects with known
    redshift enter with it, up to 1000 others with their redshift summed out.

    m0 is the median reference magnitude; m, in steps of 0.1, is the measured one (of its band, or,
    where that is missing, estimated by the other bands' mean colours).

    Parameters
    ----------
    templates : str or Templates
        "cww-sb": the eight of BPZ (Coleman, Wu & Weedman 1980; Kinney et al. 1996; Benitez et al.
        2004; Coe et al. 2006), in the classes early, spiral and blue.
    filters : str or Filters
        "lsst" (u g r i z y), "sdss" (u g r i z), or curves of every band by its name.
    between : int
        Mixtures of each two neighbouring templates.
    reference : str, optional
        Band of the magnitudes m. Default: the one with the smallest relative errors.
    correction : {"learn", "zero-points"} or None
        delta: of bands, types and redshifts; of bands alone; none.
    template_error : "infer" or float
        s; inferred, it is scaled to the best log score of a fifth of the known redshifts, held out.
    outliers : float
        Share of objects that no template describes: so much of every density is the prior given m.
    z_max : float, optional
        Largest redshift. Default: 1.3 times the largest known one, at least 1.5.
    step : float
        Width of the bins in log(1 + z).
    igm : bool
        Absorption by intergalactic hydrogen.
    priors : dict of str to Prior, optional
        ``weight``: Dirichlet(alpha=1); ``fading`` (of several classes):
        Normal(0, 0.5), per magnitude; ``depth``:
        LogNormal about the median known redshift; ``growth``: Normal(0.1, 0.2), per magnitude;
        ``shape``: LogNormal(log 2, 0.4).

    Notes
    -----
    Variables: ``weight`` by template; ``fading``, ``depth``, ``growth``, ``shape`` by class. Group
    ``templates``: ``model`` (template, band, bin), ``template_error`` (band), ``correction``
    (template, band, node).

    References
    ----------
    Benitez 2000, ApJ 536, 571; Leistedt, Mortlock & Peiris 2016, MNRAS 460, 4258.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> coarse = {"between": 0, "step": 0.02, "correction": None, "template_error": 0.05}
    >>> model = ba.TemplatePhotoZ(filters="sdss", **coarse)
    >>> short = ba.NUTS(draws=60, tune=60, chains=2)
    >>> _ = model.fit(galaxies[:40], short, seed=1, progress=False)
    >>> model.summary(galaxies[300:302])["bands"].tolist()
    [5, 5]
    """

    templates: Any = "cww-sb"
    filters: Any = "lsst"
    between: int = 2
    reference: str | None = None
    correction: str | None = "learn"
    template_error: Any = "infer"
    outliers: float = 0.01
    z_max: float | None = None
    step: float = 0.004
    igm: bool = True
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Photometry
    settings: ClassVar[dict[str, Setting]] = {
        "between": whole(0, 20),
        "correction": choice("learn", "zero-points", None),
        "template_error": either(
            "infer", number(0, 1, "'infer' or a fraction of the flux, 0 to 1", at_low=True)
        ),
        "outliers": number(0, 1, "a share, 0 to 1", at_low=True),
        "z_max": optional(number(0, 20, "a redshift, 0 to 20")),
        "step": number(1e-4, 0.1, "from 0.0001 to 0.1 in log(1 + z)", at_low=True, at_high=True),
        "igm": switch,
    }
    references: ClassVar[tuple[str, ...]] = ("benitez2000", "leistedt2016", "madau1995")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")

    _settled: ClassVar[TemplateGrid | None] = None  # its corrections, once they are learned

    def check_settings(self) -> None:
        """Raise ValueError for templates or filters that are not there."""
        for name, kind in (("templates", Templates), ("filters", Filters)):
            value = getattr(self, name)
            if isinstance(value, str):
                kind.bundled(value)
            elif not isinstance(value, kind):
                raise ValueError(
                    f"{name}={value!r:.80} must be a name, or ba.{kind.__name__}(...)."
                )

    def check_data(self, data: Photometry) -> None:
        """Raise ValueError for bands without filters, and for too few known redshifts."""
        curves = self._filters()
        for band in data.bands:
            if band not in curves.curves:
                raise ValueError(
                    f"band {band!r} has no filter; filters= has {', '.join(curves.bands)}. Name the "
                    "bands so, or give ba.Filters with the curve of each."
                )
        if self.reference is not None and self.reference not in data.bands:
            raise ValueError(
                f"reference={self.reference!r} is no band of the data: {', '.join(data.bands)}."
            )
        if data.missing.all(axis=0).any():
            band = data.bands[int(np.argmax(data.missing.all(axis=0)))]
            raise ValueError(f"band {band!r} is missing in every object: leave it out.")
        seen = ~data.missing.all(axis=1)
        known = self.known(data)
        if not known.any() and (self.correction or self.template_error == "infer"):
            raise ValueError(
                "redshift: none is known; templates are corrected by objects with redshifts. Use "
                "correction=None and a template_error such as 0.05."
            )
        if self.correction and known.sum() < 50:
            raise ValueError(
                f"{known.sum()} objects with redshift and flux are too few to correct templates "
                "(50): use correction=None and a template_error such as 0.05."
            )
        if not seen.any():
            raise ValueError("flux: no object has any.")
        if known.any() and self.z_max is not None:
            z = np.asarray(data.redshift)[known]
            if (z > self.z_max).any():
                raise ValueError(
                    f"redshift: row {int(np.flatnonzero(known)[np.argmax(z)])} is {z.max():g}, above "
                    f"z_max={self.z_max:g}: raise z_max, or leave such objects out."
                )

    def responses(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return np.full(len(data), np.nan) if data.redshift is None else data.redshift

    # What is fixed before sampling --------------------------------------------------------------

    @hook
    def base_templates(self) -> Templates:
        """The spectra, interpolated."""
        given = self.templates
        base = Templates.bundled(given) if isinstance(given, str) else given
        return base.interpolated(int(self.between))

    def _filters(self) -> Filters:
        return Filters.bundled(self.filters) if isinstance(self.filters, str) else self.filters

    def _new_grid(self, data: Photometry) -> TemplateGrid:
        """Grid, template fluxes and reference, before anything is learned."""
        known = self.known(data)
        z = np.asarray(data.redshift)[known] if known.any() else np.zeros(0)
        z_max = self.z_max or max(1.5, 1.3 * float(z.max(initial=0.0)))
        count = max(2, int(np.ceil(np.log1p(z_max) / self.step)))
        edges = np.linspace(0.0, np.log1p(z_max), count + 1)
        templates = self.base_templates()
        middle = 0.5 * (edges[1:] + edges[:-1])
        model = fluxes(templates, self._filters(), data.bands, np.expm1(middle), bool(self.igm))
        if self.reference is None:
            with np.errstate(invalid="ignore", divide="ignore"):
                relative = np.nanmedian(data.error / np.maximum(np.abs(data.flux), 1e-300), axis=0)
            rank = relative + 10 * (model <= 0).any(axis=(0, 2))
            reference = int(np.argmin(rank))
        else:
            reference = data.bands.index(self.reference)
        norm = model[:, [reference]]
        if (norm <= 0).any():
            t, _, j = np.argwhere(norm <= 0)[0]
            raise ValueError(
                f"template {templates.names[t]!r} has no flux in the band of reference, "
                f"{data.bands[reference]!r}, at z = {np.expm1(middle[j]):.2f}: choose a redder "
                "reference, or a smaller z_max."
            )
        magnitude = magnitude_prior.Magnitudes.of(data, reference)
        error = 0.05 if self.template_error == "infer" else float(self.template_error)
        return TemplateGrid(
            edges, model / norm, np.full(len(data.bands), error), reference, templates, magnitude,
            data.bands, data.unit or "",
        )  # fmt: skip

    @hook
    def grid(self, data: Photometry) -> TemplateGrid:
        """What was settled: with the corrections of a fit that there is or that is under way."""
        if self._settled is not None:
            return self._settled
        if self._tree is not None and "templates" in self._tree:
            return self._fitted()[0]
        return self._new_grid(data)

    def settle(
        self, data: Photometry, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With corrections, and the error of the templates."""
        if seed is None:
            return self, {}
        grid = self._new_grid(data)
        known = self.known(data)
        if self.correction or self.template_error == "infer":
            rng = np.random.default_rng([seed, 5])
            rows = rng.permutation(np.flatnonzero(known))[: correction.MANY]
            types = self.correction == "learn"
            if self.template_error == "infer":
                held, rest = rows[: max(len(rows) // 5, 1)], rows[len(rows) // 5 :]
                part = grid.learned(data[np.sort(rest)], types)
                scores = [
                    part.with_error(scale).log_score(data[np.sort(held)[:1000]]) for scale in SCALES
                ]
                scale = SCALES[int(np.argmax(scores))]
                learned = grid.learned(data[np.sort(rows)], types).with_error(scale)
                if not self.correction:
                    learned = replace(grid, template_error=learned.template_error)
                grid = learned
            else:
                error = grid.template_error
                grid = replace(grid.learned(data[np.sort(rows)], types), template_error=error)
        one = self.copy()
        one._settled = grid
        return one, {"templates": grid.dataset()}

    # Sampling -----------------------------------------------------------------------------------

    def coords(self, data: Photometry) -> dict[str, Any]:
        """Templates and their classes."""
        templates = self.base_templates()
        classes = list(dict.fromkeys(templates.classes or ()))
        return {"template": list(templates.names), "class": classes}

    def parameters(self, data: Photometry) -> list[Parameter]:
        """Depths about the median known redshift."""
        known = self.known(data)
        middle = float(np.median(np.asarray(data.redshift)[known])) if known.any() else 0.5
        by = ("class",)
        depth = Prior("LogNormal", mu=float(np.log(middle)), sigma=0.7)
        shape = Prior("LogNormal", mu=float(np.log(2.0)), sigma=0.4)
        weight = Parameter(
            "weight", Prior("Dirichlet", alpha=1.0), ("template",), families=("Dirichlet",),
            because="weights sum to one",
        )  # fmt: skip
        several = len(set(self.base_templates().classes or ())) > 1
        fading = [Parameter("fading", Prior("Normal", mu=0.0, sigma=0.5), by)] if several else []
        return [
            weight,
            *fading,
            Parameter("depth", depth, by, support="positive"),
            Parameter("growth", Prior("Normal", mu=0.1, sigma=0.2), by),
            Parameter("shape", shape, by, support="positive"),
        ]

    def problem(self, data: Photometry, priors: dict[str, Prior]) -> TemplateProblem:
        """The marginal posterior of the prior's parameters."""
        return TemplateProblem(self, data, priors)

    def default_sampler(self, data: Photometry) -> tuple[Sampler, str]:
        """A posterior that thousands of objects make nearly normal, with correlations."""
        from bayes_astro.samplers import NUTS

        return NUTS(draws=1000, tune=500, chains=2, target_accept=0.9, metric="full"), ""

    # From draws to results ----------------------------------------------------------------------

    def can_draw(self, figure: str) -> bool:
        """Corrections where there are any."""
        return figure != "corrections" or bool(self.correction)

    def checks(self) -> list[Check]:
        """Whether densities of the known redshifts are calibrated."""
        known = self.known(self.data)
        if not known.any():
            return []
        pit = self.pit(held_out.some(self.data[known]))
        return held_out.calibrated(pit, "look at plot('corrections'), other templates or errors")

    def equation(self) -> str:
        """The model in one line."""
        return (
            "p(z | f, m) ~ Σ_t p(t | m) p(z | t, m) ∫ da Π_b N(f_b; a F_tb(z) (1 + δ_tb(z)), "
            "σ_b² + (s_b f_b)²)"
        )
