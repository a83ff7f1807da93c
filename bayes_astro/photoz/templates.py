"""Redshifts of galaxies from spectral templates that learn what they lack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import BinnedRedshifts, Photometry
from bayes_astro.data.binned_redshifts import check_inside
from bayes_astro.data.templates import Filters, Templates
from bayes_astro.model import Model
from bayes_astro.photoz import correction, magnitude_prior
from bayes_astro.photoz.colours import fluxes
from bayes_astro.photoz.features import matched
from bayes_astro.photoz.on_grid import OnGrid, summaries
from bayes_astro.photoz.template_grid import TemplateGrid
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["TemplatePhotoZ"]

MOST_SPECTRA = 3000
"""Objects with known redshift that tell the prior of types and redshifts, if there are more."""
MOST_PHOTOMETRIC = 1000
SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
POOR = 1e-4


@dataclass(eq=False, repr=False)
class TemplatePhotoZ(OnGrid, Model):
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
    >>> model = ba.TemplatePhotoZ(filters="sdss").fit(galaxies[:5000], seed=1)  # doctest: +SKIP
    >>> model.summary(galaxies[5000:])  # doctest: +SKIP
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
    figures: ClassVar[str] = "template_photoz"
    references: ClassVar[tuple[str, ...]] = ("benitez2000", "leistedt2016", "madau1995")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")
    correlated: ClassVar[bool] = True

    _settled: ClassVar[TemplateGrid | None] = None  # its corrections, while a fit is under way

    # Checks -------------------------------------------------------------------------------------

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter that cannot be."""
        for name, kind in (("templates", Templates), ("filters", Filters)):
            value = getattr(self, name)
            if isinstance(value, str):
                kind.bundled(value)
            elif not isinstance(value, kind):
                raise ValueError(
                    f"{name}={value!r:.80} must be a name, or ba.{kind.__name__}(...)."
                )
        whole = isinstance(self.between, int | np.integer) and not isinstance(self.between, bool)
        if not whole or not 0 <= self.between <= 20:
            raise ValueError(f"between={self.between!r} must be a whole number from 0 to 20.")
        if self.correction not in ("learn", "zero-points", None):
            raise ValueError(
                f"correction={self.correction!r} must be 'learn', 'zero-points' or None."
            )
        error = self.template_error
        if error != "infer" and not (_number(error) and 0 <= error < 1):
            raise ValueError(
                f"template_error={error!r} must be 'infer' or a fraction of the flux, 0 to 1."
            )
        if not (_number(self.outliers) and 0 <= self.outliers < 1):
            raise ValueError(f"outliers={self.outliers!r} must be a share, 0 to 1.")
        if self.z_max is not None and not (_number(self.z_max) and 0 < self.z_max < 20):
            raise ValueError(f"z_max={self.z_max!r} must be a redshift, 0 to 20.")
        if not (_number(self.step) and 1e-4 <= self.step <= 0.1):
            raise ValueError(f"step={self.step!r} must be from 0.0001 to 0.1 in log(1 + z).")
        if not isinstance(self.igm, bool | np.bool_):
            raise ValueError(f"igm={self.igm!r} must be True or False.")

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
        known = self._known(data)
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

    def observed(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return np.full(len(data), np.nan) if data.redshift is None else data.redshift

    @staticmethod
    def _known(data: Photometry) -> np.ndarray:
        """Galaxies with redshift, positive, and flux; stars at zero are left aside."""
        z = np.full(len(data), np.nan) if data.redshift is None else np.asarray(data.redshift)
        with np.errstate(invalid="ignore"):
            return (z > 0) & ~data.missing.all(axis=1)

    # What is fixed before sampling --------------------------------------------------------------

    def _templates(self) -> Templates:
        given = self.templates
        base = Templates.bundled(given) if isinstance(given, str) else given
        return base.interpolated(int(self.between))

    def _filters(self) -> Filters:
        return Filters.bundled(self.filters) if isinstance(self.filters, str) else self.filters

    def _new_grid(self, data: Photometry) -> TemplateGrid:
        """Grid, template fluxes and reference, before anything is learned."""
        known = self._known(data)
        z = np.asarray(data.redshift)[known] if known.any() else np.zeros(0)
        z_max = self.z_max or max(1.5, 1.3 * float(z.max(initial=0.0)))
        count = max(2, int(np.ceil(np.log1p(z_max) / self.step)))
        edges = np.linspace(0.0, np.log1p(z_max), count + 1)
        templates = self._templates()
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

    def grid(self, data: Photometry) -> TemplateGrid:
        """What was settled: with the fit's corrections if there is a fit or one is under way."""
        if self._settled is not None:
            return self._settled
        if self._tree is not None and "templates" in self._tree:
            return self._fitted()[0]
        return self._new_grid(data)

    def _fitted(self) -> tuple[TemplateGrid, np.ndarray]:
        """The corrected grid, and P(type, bin | magnitude) averaged over the posterior's draws."""
        tree = self.posterior
        if self._cached is None or self._cached[0] is not tree:
            grid = TemplateGrid.of(
                tree["templates"].to_dataset(), self._templates(), self.data.unit or ""
            )
            self._cached = tree, grid, grid.prior_table(tree["posterior"].to_dataset())
        return self._cached[1:]

    def settled(
        self, data: Photometry, seed: int, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With corrections, and the error of the templates."""
        from sklearn.base import clone

        grid = self._new_grid(data)
        known = self._known(data)
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
        one = clone(self)
        one._settled = grid
        return one, {"templates": grid.dataset()}

    # Sampling -----------------------------------------------------------------------------------

    def default_priors(self, data: Photometry) -> dict[str, Prior]:
        """Depths about the median known redshift."""
        known = self._known(data)
        middle = float(np.median(np.asarray(data.redshift)[known])) if known.any() else 0.5
        several = len(set(self._templates().classes or ())) > 1
        fading = {"fading": Prior("Normal", mu=0.0, sigma=0.5)} if several else {}
        return {
            "weight": Prior("Dirichlet", alpha=1.0),
            **fading,
            "depth": Prior("LogNormal", mu=float(np.log(middle)), sigma=0.7),
            "growth": Prior("Normal", mu=0.1, sigma=0.2),
            "shape": Prior("LogNormal", mu=float(np.log(2.0)), sigma=0.4),
        }

    def check_priors(self, priors: dict[str, Prior], data: Photometry) -> None:
        """Depths and shapes are positive, weights a simplex."""
        if priors["weight"].distribution != "Dirichlet":
            raise ValueError(f"Prior of 'weight': {priors['weight']} must be a Dirichlet.")
        for name in ("depth", "shape"):
            if np.any(np.asarray(priors[name].support[0]) < 0):
                raise ValueError(
                    f"Prior of {name!r}: {priors[name]} admits negative values; use LogNormal."
                )

    def arrays(self, data: Photometry, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """Likelihoods of types at known redshifts, and of types and redshifts elsewhere."""
        grid = self.grid(data)
        rng = np.random.default_rng(3)
        known = np.flatnonzero(self._known(data))
        known = np.sort(rng.permutation(known)[:MOST_SPECTRA])
        others = np.flatnonzero(~self._known(data) & ~data.missing.all(axis=1))
        if data.redshift is not None:  # a star's redshift is known too
            others = others[np.isnan(np.asarray(data.redshift)[others])]
        others = np.sort(rng.permutation(others)[:MOST_PHOTOMETRIC])
        return grid.spectroscopic(data, known) | grid.photometric(data, others)

    def build(self, data: Photometry, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The marginal model of the prior's parameters; see the class for its equations."""
        import pymc as pm
        import pytensor.tensor as pt

        priors = self.resolve_priors(data) if priors is None else priors
        grid = self.grid(data)
        arrays = self.arrays(data, priors)
        coords = {"template": list(grid.templates.names), "class": list(grid.classes)}
        with pm.Model(coords=coords) as model:
            held = {name: pm.Data(name, value) for name, value in arrays.items()}
            alpha = priors["weight"].arguments["alpha"]
            shape = np.full(len(coords["template"]), alpha)
            free = {"weight": pm.Dirichlet("weight", shape, dims="template")}
            for name in sorted(set(priors) - {"weight"}):
                free[name] = priors[name].variable(name, dims="class")
            pm.Potential("objects", magnitude_prior.log_likelihood(grid, free, held, pt))
        return model

    def default_sampler(self, data: Photometry) -> tuple[Sampler, str]:
        """A posterior that thousands of objects make nearly normal."""
        from bayes_astro.samplers import NUTS

        return NUTS(draws=1000, tune=500, chains=2, target_accept=0.9), ""

    def prior_draws(
        self, design: Photometry, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        import xarray as xr

        grid = self.grid(design)
        kinds, classes = len(grid.templates.names), len(grid.classes)
        found = {
            "weight": (("chain", "draw", "template"), priors["weight"].sample(rng, (draws, kinds)))
        }
        for name in sorted(set(priors) - {"weight"}):
            found[name] = (("chain", "draw", "class"), priors[name].sample(rng, (draws, classes)))
        coords = {"template": list(grid.templates.names), "class": list(grid.classes)}
        return xr.Dataset({n: (dims, value[None]) for n, (dims, value) in found.items()}, coords)

    def simulate_data(
        self, parameters: xr.Dataset, design: Photometry, rng: np.random.Generator
    ) -> Photometry:
        """Types and redshifts given the magnitudes of `design`, and fluxes with its errors.

        The flux of reference stays: what is simulated is everything given it. Redshifts are known
        where those of `design` are.
        """
        grid = self.grid(design)
        table = grid.prior_table(parameters.expand_dims(("chain", "draw")))
        rows = grid.magnitude.bins(design)
        flux, variance = design.flux.copy(), grid.variance(design)
        redshift = np.empty(len(design))
        for i, m in enumerate(rows):
            t, j = divmod(
                int(np.searchsorted(np.cumsum(table[m].ravel()), rng.uniform())), table.shape[2]
            )
            t, j = min(t, table.shape[1] - 1), min(j, table.shape[2] - 1)
            redshift[i] = np.expm1(rng.uniform(*grid.edges[j : j + 2]))
            own = grid.model[t, :, j]
            reference = flux[i, grid.reference]
            if not np.isfinite(reference):
                reference = grid.magnitude.flux(design)[i]
            error = np.sqrt(variance[i, grid.reference])
            amplitude = reference if not np.isfinite(error) else -1.0
            while amplitude <= 0:
                amplitude = rng.normal(reference, error)
            noise = np.hypot(design.error[i], grid.template_error * amplitude * own)
            new = amplitude * own + noise * rng.standard_normal(len(own))
            keep = np.isnan(flux[i]) | (np.arange(len(own)) == grid.reference)
            flux[i] = np.where(keep, flux[i], new)
        known = self._known(design)
        redshift[~known] = np.nan
        return design.replace(flux=flux, redshift=redshift)

    # From draws to results ----------------------------------------------------------------------

    def pointwise(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of redshift (where known) and type's fluxes of every object, given m.

        The types are summed out, and the redshift where it is unknown; up to a constant by object.
        An object without flux, or at redshift zero, has 0.
        """
        import xarray as xr

        grid = self.grid(data)
        values = magnitude_prior.pointwise(grid, draws, data, self._known(data))
        return xr.DataArray(values, dims=("chain", "draw", "row"))

    def log_predictive(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of every known redshift, averaged over the posterior: (chain, draw, row)."""
        import xarray as xr

        values = self.log_density_at(data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(np.broadcast_to(values, shape).copy(), dims=("chain", "draw", "row"))

    def forecast(
        self, draws: xr.Dataset, data: Photometry, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Redshifts of every object, by its density averaged over the posterior."""
        return self.drawn(at, draws.sizes["chain"], draws.sizes["draw"], rng)

    def _posterior(
        self, photometry: Photometry
    ) -> tuple[TemplateGrid, Photometry, tuple[Any, ...]]:
        """The grid, the matched photometry and what the kernel says of each object.

        The density of a new object is that with the prior averaged over the posterior's draws: its
        own fluxes weigh the draws, and p(f | z) does not depend on them.
        """
        grid, table = self._fitted()
        photometry = matched(photometry, grid.bands, grid.unit)
        bins, types, evidence, chi_squared = grid.posterior(photometry, table)
        rows = grid.magnitude.bins(photometry)
        alone = table.sum(axis=1)[rows]
        bins = np.where(np.isnan(bins), alone, bins)
        bins = (1 - self.outliers) * bins + self.outliers * alone
        return grid, photometry, (bins, types, evidence, chi_squared)

    def table(self, photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the bins of log(1 + z), and the density in each for every object: (n, bins)."""
        grid, _, (bins, *_) = self._posterior(photometry)
        return grid.edges, bins / np.diff(grid.edges)

    def summary(self, photometry: Photometry | None = None) -> pd.DataFrame:
        """One row an object; without photometry, the parameters as for any model.

        Returns
        -------
        pandas.DataFrame
            ``mode``, ``mean``, ``median`` of z, central intervals ``low_68``, ``high_68``,
            ``low_95``, ``high_95``; ``template``, the most probable one, and its
            ``template_probability``; ``bands`` measured; ``chi_squared`` of the best template and
            redshift; ``flag``: "poor fit" where chi squared exceeds what one object in 10,000 would
            have, "no photometry" (then the redshifts are those of the prior), or "".
        """
        import pandas as pd
        from scipy.stats import chi2

        if photometry is None:
            return Model.summary(self)
        grid, photometry, (bins, types, _, chi_squared) = self._posterior(photometry)
        columns: dict[str, Any] = summaries(grid.edges, bins / np.diff(grid.edges))
        names = np.array(grid.templates.names)
        best = np.argmax(np.nan_to_num(types), axis=1)
        count = (~photometry.missing).sum(axis=1)
        poor = chi2.sf(chi_squared, np.maximum(count - 1, 1)) < POOR
        columns |= {
            "template": names[best],
            "template_probability": types[np.arange(len(best)), best],
            "bands": count,
            "chi_squared": chi_squared,
            "flag": np.where(count == 0, "no photometry", np.where(poor, "poor fit", "")),
        }
        return pd.DataFrame(columns)

    def binned(self, photometry: Photometry, edges: Any) -> BinnedRedshifts:
        """Likelihoods of redshift bins, for `ba.PopulationNz`, with a flat interim prior.

        Within a bin redshifts are flat; types have the inferred prior given magnitude and redshift.
        """
        from bayes_astro.photoz.mixture import checked_grid

        edges = checked_grid(edges, "edges")
        grid, table = self._fitted()
        photometry = matched(photometry, grid.bands, grid.unit)
        width = np.diff(np.expm1(grid.edges))
        flat = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300) * width
        bins, *_ = grid.posterior(photometry, flat)
        bins = np.nan_to_num(bins, nan=1.0)
        below = np.concatenate([np.zeros((len(bins), 1)), np.cumsum(bins, axis=1)], axis=1)
        at = np.log1p(edges)
        found = np.diff([[np.interp(x, grid.edges, row) for x in at] for row in below], axis=1)
        check_inside(found.sum(axis=1) / below[:, -1], edges)
        size = np.diff(edges)
        likelihood = found / size
        likelihood /= np.maximum(likelihood.sum(axis=1, keepdims=True), 1e-300)
        return BinnedRedshifts(
            likelihood + 1e-6 / len(size), edges, np.ones(len(size)), name=photometry.name
        )

    def baseline(self) -> Any:
        """The best template, without prior and correction."""
        from bayes_astro.baselines.templates import TemplateFit

        return TemplateFit(self.templates, self.filters, self.between, igm=self.igm)

    def _drawings(self) -> dict[str, Any]:
        drawings = super()._drawings()
        return {n: d for n, d in drawings.items() if n != "corrections" or self.correction}

    def equation(self) -> str:
        """The model in one line."""
        return (
            "p(z | f, m) ~ Σ_t p(t | m) p(z | t, m) ∫ da Π_b N(f_b; a F_tb(z) (1 + δ_tb(z)), "
            "σ_b² + (s_b f_b)²)"
        )


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
