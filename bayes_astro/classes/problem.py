r"""The posterior of a mixture for each class, and of how often each class is.

Given labels, nothing connects the classes,

.. code-block:: text

    p(x, c | parameters) = fraction_c prod_{i in c} sum_k w_ck N(x_i; mean_ck, covariance_ck + S_i)

so that maxima, Gaussians about them and draws by turns are those of each class by itself, and the
fractions have the posterior Dirichlet(alpha + n_c).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import Measurements
from bayes_astro.density import inputs
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.mixtures import climbs, selection, story
from bayes_astro.mixtures.coordinates import Layout
from bayes_astro.mixtures.expectation import Deconvolution
from bayes_astro.mixtures.mixture_problem import MixtureProblem
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.samplers.progress import Progress

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["BACKGROUND", "ClassesProblem", "OneClass", "class_of"]

BACKGROUND = "background"
WIDE = 5.0
"""Widths of the background, in those of the whole."""


def class_of(component: str) -> str:
    """The class that a component's label names: "QSO/3"."""
    return component.rpartition("/")[0]


class OneClass(MixtureProblem):
    """The rows of one class in the frame of all: K components and a share of the background."""

    def __init__(
        self, model: Any, data: Measurements, priors: dict[str, Prior], *, name: str,
        components: int, background: float, **laid_out: Any,
    ) -> None:  # fmt: skip
        labels = [f"{name}/{k}" for k in (*range(components), BACKGROUND)]
        super().__init__(model, data, priors, labels=labels, **laid_out)
        self.background = background

    def deconvolution(self, threads: int = 1, weight: Any = None) -> Deconvolution:
        """Points, what is free, and the prior; `weight` makes new weights of n rows."""
        if weight is None and self._points is not None and self._points.threads == threads:
            return self._points
        data = self.data
        if weight is not None:
            own = 1.0 if data.weight is None else data.weight
            data = data.replace(weight=own * weight(len(data)))
        d, k = len(self.shift), len(self.components) - 1
        weights, centre = np.full(k + 1, np.nan), np.full((k + 1, d), np.nan)
        shape = np.full((k + 1, d, d), np.nan)
        weights[-1], centre[-1], shape[-1] = self.background, 0.0, WIDE**2 * np.eye(d)
        prior = selection.conjugate_in(self.priors, self.shift, self.scale)
        points = inputs.blocks(data, self.shift, self.scale, None)
        found = Deconvolution(points, Layout(weights, centre, shape), prior, threads)
        if weight is None:
            self._points = found
        return found


class ClassesProblem(Problem):
    """The classes side by side.

    Parameters
    ----------
    model, data, priors
        As for any problem.
    parts : dict of str to OneClass
        By class, in order.
    constants : dict of str to array
        What belongs to the posterior by band, and was settled before.
    fits : int
        Maxima that `ba.MAP` looks for.
    bootstrap : bool
        Weigh the rows anew for each of them.
    """

    no_evidence = MixtureProblem.no_evidence

    def __init__(
        self, model: Any, data: Any, priors: dict[str, Prior], *, parts: dict[str, OneClass],
        constants: dict[str, np.ndarray], fits: int, bootstrap: bool,
    ) -> None:  # fmt: skip
        super().__init__(model, data, priors)
        self.parts, self.constants = parts, constants
        self.fits, self.bootstrap = fits, bootstrap
        self.counts = np.array([
            float(len(part.data)) if part.data.weight is None else part.data.weight.sum()
            for part in parts.values()
        ])  # fmt: skip

    # The density --------------------------------------------------------------------------------

    def _alpha(self) -> np.ndarray:
        alpha = np.asarray(self.priors["fraction"].arguments["alpha"], dtype=float)
        return np.broadcast_to(alpha, (len(self.parts),))

    def free(self) -> list[Free]:
        """The fractions, then of each class its shares, means and triangles."""
        found = [Free("fraction", self.priors["fraction"], (len(self.parts),))]
        for c, part in enumerate(self.parts.values()):
            found += [replace(one, name=f"{one.name}_{c}") for one in part.free()]
        return found

    def likelihood(self) -> Any:
        """The classes with the priors of their covariances."""
        from bayes_astro.likelihoods.mixture_posterior import CLASSES

        return CLASSES

    def arrays(self) -> list[np.ndarray]:
        """In the order of `likelihoods.mixture_posterior`."""
        begin = [len(self.parts)]
        for part in self.parts.values():
            begin.append(begin[-1] + sum(one.length for one in part.free()))
        each = [array for part in self.parts.values() for array in part.arrays()]
        return [*each, self.counts, np.array(begin)]

    def coords(self) -> dict[str, Any]:
        """Classes, components of all of them, dimensions."""
        names = next(iter(self.parts.values())).names
        labels = [label for part in self.parts.values() for label in part.components]
        found = {
            "class": list(self.parts), "component": labels, "dimension": names,
            "dimension_2": names,
        }  # fmt: skip
        return found | ({"band": self.data.bands} if self.constants else {})

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Fractions, and weights within each class, means and covariances of all components."""
        each = []
        for c, part in enumerate(self.parts.values()):
            own = {
                name.removesuffix(f"_{c}"): value
                for name, value in values.items()
                if name.endswith(f"_{c}")
            }
            each.append(part.named(own))
        return self._together(values["fraction"], each)

    def _together(
        self, fraction: np.ndarray, each: list[dict[str, Any]]
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {"fraction": (("class",), fraction)}
        for name in ("weight", "mean", "covariance"):
            stacked = np.concatenate([one[name][1] for one in each], axis=1)
            found[name] = (each[0][name][0], stacked)
        for name, value in self.constants.items():
            repeated = np.broadcast_to(value, (len(fraction), *value.shape)).copy()
            found[name] = (("band",), repeated)
        return found

    def draws(self, fraction: np.ndarray, stacked: list[dict[str, np.ndarray]]) -> xr.Dataset:
        """Scaled parameters (m, ...) of each class as variables along ``sample``."""
        import xarray as xr

        each = [p.unscaled(one) for p, one in zip(self.parts.values(), stacked, strict=True)]
        arrays = {
            name: (("chain", "draw", *dims), value[None])
            for name, (dims, value) in self._together(fraction, each).items()
        }
        coords = {name: list(labels) for name, labels in self.coords().items()}
        found = self.model.derived(xr.Dataset(arrays, coords), self.priors)
        return found.isel(chain=0).rename(draw="sample")

    def graph(self) -> pm.Model:
        """The marginal model, a mixture for each class."""
        import pymc as pm
        import pytensor.tensor as pt

        ready_pytensor()
        frame = next(iter(self.parts.values()))
        with pm.Model(coords=self.coords()) as model:
            fraction = pm.Dirichlet("fraction", self._alpha(), dims="class")
            pm.Potential("labels", pt.sum(self.counts * pt.log(fraction)))
            terms = [
                story.mixture_terms(part.deconvolution(), f"_{c}")
                for c, part in enumerate(self.parts.values())
            ]
            weight, mean, covariance = (
                pt.concatenate([term[i] for term in terms]) for i in range(3)
            )
            pm.Deterministic("weight", weight, dims="component")
            by = ("component", "dimension", "dimension_2")
            pm.Deterministic("mean", frame.shift + frame.scale * mean, dims=by[:2])
            outer = np.outer(frame.scale, frame.scale)
            pm.Deterministic("covariance", outer * covariance, dims=by)
        return model

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draws from the Gaussians about the maxima."""
        found = {"fraction": rng.dirichlet(self._alpha() + self.counts, count)}
        for c, part in enumerate(self.parts.values()):
            own = climbs.starts(part.proper()[0], count, rng)
            found |= {f"{name}_{c}": value for name, value in own.items()}
        return found

    def scatter(self, count: int, rng: np.random.Generator) -> None:
        """Nowhere but about the maxima."""

    # Class by class -----------------------------------------------------------------------------

    def maximum(
        self, search: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """The best maximum of each class that EM finds, or those of an ensemble of fits."""
        found: list[list[Any]] = [[] for _ in self.parts]
        statistics: list[xr.Dataset] = []
        total, done = self.fits * len(self.parts), 0
        with Progress(total, "EM", shown=progress) as bar:
            for _ in range(self.fits):
                for c, part in enumerate(self.parts.values()):
                    weight = climbs.bayesian_bootstrap(rng) if self.bootstrap else None
                    points = part.deconvolution(search.workers, weight)
                    run, how = climbs.search(points, search, rng, False)
                    found[c].append(run.parameters)
                    statistics.append(how)
                    bar.at(done := done + 1, f"{len(found[c])} of {self.fits} fits")
                if statistics[-1].attrs["interrupted"]:
                    break
        fits = len(found[0])
        alpha = self._alpha() + self.counts
        fraction = np.repeat((alpha / alpha.sum())[None], fits, axis=0)
        if self.bootstrap:
            fraction = rng.dirichlet(alpha, fits)
        stacked = [climbs.stacked(one) for one in found]
        return {"posterior": self.draws(fraction, stacked), "sample_stats": _summed(statistics)}

    def laplace(
        self, settings: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussians about the maxima."""
        stacked, statistics, least = [], [], 1.0
        for part in self.parts.values():
            points = part.deconvolution(settings.search.workers)
            run, how = climbs.search(points, settings.search, rng, progress)
            own, efficiency = climbs.laplace(points, run, settings.draws, rng)
            stacked.append(own)
            statistics.append(how)
            least = min(least, efficiency)
        fraction = rng.dirichlet(self._alpha() + self.counts, settings.draws)
        how = _summed(statistics)
        how.attrs["importance_efficiency"] = least
        return {"posterior": self.draws(fraction, stacked), "sample_stats": how}

    def gibbs(self, settings: Any, rng: np.random.Generator, report: Any) -> xr.Dataset | None:
        """Draws by turns of each class, after each other."""
        import xarray as xr

        from bayes_astro.mixtures import gibbs

        each = []
        for part in self.parts.values():
            chains = gibbs.chains(part.deconvolution(), settings, rng, report)
            if chains is None:
                return None
            each.append(chains)
        draws = min(chains["weight"].shape[1] for chains in each)
        found = []
        for chain in range(settings.chains):
            own = [{name: v[chain, :draws] for name, v in chains.items()} for chains in each]
            found.append(self.draws(rng.dirichlet(self._alpha() + self.counts, draws), own))
        joined = xr.concat(found, "chain").rename(sample="draw")
        return joined.assign_coords(chain=np.arange(settings.chains), draw=np.arange(draws))


def _summed(statistics: list[xr.Dataset]) -> xr.Dataset:
    """Of all searches: whether each came to its end, and the largest gain to come."""
    import xarray as xr

    attributes = [one.attrs for one in statistics]
    return xr.Dataset(
        {"objective": ("search", np.array([float(one["objective"][-1]) for one in statistics]))},
        attrs={
            "converged": int(all(a["converged"] for a in attributes)),
            "gain_to_come": max(a["gain_to_come"] for a in attributes),
            "steps": sum(a["steps"] for a in attributes),
            "interrupted": int(any(a["interrupted"] for a in attributes)),
        },
    )
