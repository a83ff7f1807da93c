"""The plain fit of templates to fluxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_astro import registry
from bayes_astro.baselines.base import Baseline
from bayes_astro.data import Photometry
from bayes_astro.hooks import hook
from bayes_astro.mixtures.features import matched
from bayes_astro.photoz.on_grid import OnGrid

__all__ = ["TemplateFit"]


@dataclass(eq=False, repr=False)
class TemplateFit(OnGrid, Baseline):
    """Templates as they are, chi squared turned into the density of redshift.

    Every type and redshift alike before.

    Parameters
    ----------
    templates : str or Templates
        Spectra; this and what follows as for `ba.TemplatePhotoZ`.
    filters : str or Filters
        Curves of the bands.
    between : int
        Mixtures of each two neighbouring templates.
    template_error : float
        Fraction of the flux, in every band.
    z_max : float, optional
        Largest redshift.
    step : float
        Width of the bins in log(1 + z).
    igm : bool
        Absorption by intergalactic hydrogen.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> model = ba.baselines.TemplateFit(filters="sdss", between=0, step=0.02, z_max=0.6)
    >>> model.fit(galaxies[:50]).summary(galaxies[50:53])["mode"].shape
    (3,)
    """

    templates: Any = "cww-sb"
    filters: Any = "lsst"
    between: int = 2
    template_error: float = 0.05
    z_max: float | None = None
    step: float = 0.004
    igm: bool = True

    data_type: ClassVar[type] = Photometry
    references: ClassVar[tuple[str, ...]] = ("benitez2000",)

    @classmethod
    def of(cls, model: Any, *arguments: Any, **options: Any) -> TemplateFit:
        """With the templates of a Bayesian model, and errors of their own."""
        shared = ("templates", "filters", "between", "igm")
        return cls(**{name: getattr(model, name) for name in shared} | options)

    @hook
    def task(self) -> Any:
        """The Bayesian model with the same templates."""
        model = registry.TASKS["TemplatePhotoZ"].load()
        return model(correction=None, **self.get_params(deep=False))

    def check_settings(self) -> None:
        """As for `ba.TemplatePhotoZ`."""
        self.task().check_all_settings()

    def check_data(self, data: Photometry) -> None:
        """As for `ba.TemplatePhotoZ`."""
        self.task().check_data(data)

    def responses(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return self.task().responses(data)

    def can_draw(self, figure: str) -> bool:
        """Templates are not corrected."""
        return figure != "corrections"

    def estimate(self, data: Photometry) -> Any:
        """Nothing is learned: the grid follows from the data's bands and redshifts."""
        values = {"template_error": ((), self.template_error)}
        return values, {"template_error": ((), max(self.template_error, 1e-12))}, {}

    def table(self, photometry: Photometry) -> tuple[np.ndarray, np.ndarray]:
        """Edges of the bins of log(1 + z), and the density in each for every object: (n, bins)."""
        grid = self.task().grid(self.data)
        photometry = matched(photometry, grid.bands, grid.unit)
        flat = grid.flat_table()
        bins, *_ = grid.posterior(photometry, flat)
        bins = np.where(np.isnan(bins), flat[0].sum(axis=0), bins)
        return grid.edges, bins / np.diff(grid.edges)

    def forecast(self, draws: Any, data: Photometry, at: Any, rng: np.random.Generator) -> Any:
        """One redshift of every object for each draw."""
        return self.drawn(at, draws.sizes["chain"], draws.sizes["draw"], rng)

    def pointwise(self, draws: Any, data: Photometry) -> Any:
        """Log density of every known redshift: (chain, draw, row)."""
        import xarray as xr

        values = self.log_density_at(data)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(np.broadcast_to(values, shape).copy(), dims=("chain", "draw", "row"))
