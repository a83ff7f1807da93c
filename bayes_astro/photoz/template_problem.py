"""The posterior of the prior of types and redshifts, laid out for samplers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.photoz import magnitude_prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm

    from bayes_astro.photoz.template_grid import TemplateGrid

__all__ = ["TemplateProblem"]

MOST_SPECTRA = 3000
"""Objects with known redshift that tell the prior of types and redshifts, if there are more."""
MOST_PHOTOMETRIC = 1000


class TemplateProblem(Problem):
    """Likelihoods of types at known redshifts, and of types and redshifts elsewhere."""

    @cached_property
    def grid(self) -> TemplateGrid:
        """Fluxes of the templates, corrected."""
        return self.model.grid(self.data)

    @cached_property
    def held(self) -> dict[str, np.ndarray]:
        """What objects say, and their classes of magnitude."""
        data, rng = self.data, np.random.default_rng(3)
        is_known = self.model.known(data)
        known = np.sort(rng.permutation(np.flatnonzero(is_known))[:MOST_SPECTRA])
        others = np.flatnonzero(~is_known & ~data.missing.all(axis=1))
        if data.redshift is not None:  # a star's redshift is known too
            others = others[np.isnan(np.asarray(data.redshift)[others])]
        others = np.sort(rng.permutation(others)[:MOST_PHOTOMETRIC])
        return self.grid.spectroscopic(data, known) | self.grid.photometric(data, others)

    def coords(self) -> dict[str, Any]:
        """Templates and their classes."""
        return {"template": list(self.grid.templates.names), "class": list(self.grid.classes)}

    def free(self) -> list[Free]:
        """Weights of the templates; the other parameters by class."""
        kinds, classes = len(self.grid.templates.names), len(self.grid.classes)
        others = [
            Free(name, self.priors[name], (classes,))
            for name in sorted(set(self.priors) - {"weight"})
        ]
        return [Free("weight", self.priors["weight"], (kinds,)), *others]

    def likelihood(self) -> Any:
        """Types and redshifts summed out where they are unknown."""
        from bayes_astro.likelihoods.template_prior import TEMPLATES

        return TEMPLATES

    def arrays(self) -> list[np.ndarray]:
        """In the order of `likelihoods.template_prior`."""
        grid, held = self.grid, self.held
        log_z, log_width = magnitude_prior.middles(grid.coarse)
        return [
            grid.class_of, held["row"], held["cell_row"], grid.magnitude.centred,
            np.array([log_z, log_width]), held["log_redshift"], held["ratio"], held["cell_ratio"],
        ]  # fmt: skip

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """As they are."""
        return {n: (("template" if n == "weight" else "class",), v) for n, v in values.items()}

    def graph(self) -> pm.Model:
        """See `ba.TemplatePhotoZ` for the equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        coords = self.coords()
        with pm.Model(coords=coords) as model:
            held = {name: pm.Data(name, value) for name, value in self.held.items()}
            alpha = self.priors["weight"].arguments["alpha"]
            shape = np.full(len(coords["template"]), alpha)
            free = {"weight": pm.Dirichlet("weight", shape, dims="template")}
            for name in sorted(set(self.priors) - {"weight"}):
                free[name] = self.priors[name].variable(name, dims="class")
            pm.Potential("objects", magnitude_prior.log_likelihood(self.grid, free, held, pt))
        return model
