"""The posterior of a mixture behind noisy measurements, for every task that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.mixtures import climbs, story
from bayes_astro.mixtures.expectation import Conjugate, Deconvolution
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["MixtureProblem"]


class MixtureProblem(Problem):
    """Points and prior in the kernel's coordinates, (v - shift) / scale.

    Parameters
    ----------
    model, data, priors
        As for any problem.
    frame : (shift, scale)
    labels, names : of the components and of the dimensions
    constants : dict of str to (value, "band" or None)
        What is settled before and belongs to the posterior's variables.
    fits : int
        Maxima that `ba.MAP` looks for.
    bootstrap : bool
        Weigh the points anew for each of them.
    """

    no_evidence = (
        "it has as many modes as its components have orders, and an evidence about one of them is "
        "wrong; compare held-out scores with ba.compare"
    )

    def __init__(
        self,
        model: Any,
        data: Any,
        priors: dict[str, Prior],
        *,
        frame: tuple[np.ndarray, np.ndarray],
        labels: list[str],
        names: tuple[str, ...],
        constants: dict[str, tuple[np.ndarray, str | None]] | None = None,
        bands: tuple[str, ...] = (),
        fits: int = 1,
        bootstrap: bool = False,
    ) -> None:
        super().__init__(model, data, priors)
        self.shift, self.scale = frame
        self.components, self.names, self.bands = labels, tuple(names), tuple(bands)
        self.constants, self.fits, self.bootstrap = constants or {}, fits, bootstrap
        self._points: Deconvolution | None = None

    def deconvolution(self, threads: int = 1, weight: Any = None) -> Deconvolution:
        """Points, what is free, and the prior."""
        if weight is not None:
            return self.model.deconvolution(self.data, self.priors, threads, weight)
        if self._points is None or self._points.threads != threads:
            self._points = self.model.deconvolution(self.data, self.priors, threads)
        return self._points

    def proper(self) -> tuple[Deconvolution, Conjugate]:
        """The same, if there is a posterior."""
        found = self.deconvolution()
        if not isinstance(found.prior, Conjugate):
            raise ValueError(
                "regularization stands for an improper prior, which cannot be sampled: use "
                "ba.MAP(), or regularization=None for proper priors."
            )
        return found, found.prior

    def coords(self) -> dict[str, Any]:
        """Components, dimensions and bands."""
        found = {"component": self.components, "dimension": self.names, "dimension_2": self.names}
        return found | ({"band": self.bands} if self.bands else {})

    def free(self) -> list[Free]:
        """Shares among the free weights, free means, triangles of the free covariances."""
        found, prior = self.proper()
        layout, d = found.layout, found.layout.d
        free = []
        if (count := len(layout.free_weight)) > 1:
            free.append(Free("share", Prior("Dirichlet", alpha=prior.alpha), (count,)))
        if count := len(layout.free_mean):
            means = np.tile(np.broadcast_to(prior.mean, (d,)), count)
            widths = np.tile(np.broadcast_to(prior.sd, (d,)), count)
            normal = Prior("Normal", mu=means.tolist(), sigma=widths.tolist())
            free.append(Free("free_mean", normal, (count, d)))
        if count := len(layout.free_covariance):
            free.append(Free("log_cholesky", None, (count, d * (d + 1) // 2)))
        return free

    def likelihood(self) -> Any:
        """The mixture with the prior of its covariances."""
        from bayes_astro.likelihoods.mixture_posterior import MIXTURE

        return MIXTURE

    def arrays(self) -> list[np.ndarray]:
        """In the order of `likelihoods.mixture_posterior`."""
        from bayes_astro.mixtures.selection import log_normalisation

        found, prior = self.proper()
        layout, points = found.layout, found.points
        numbers = [
            layout.remainder, prior.nu, log_normalisation(prior, layout.d), points.offset,
            float(layout.uniform),
        ]  # fmt: skip
        return [
            *points.arrays(), layout.fixed_weight, layout.fixed_mean, layout.fixed_covariance,
            layout.free_weight, layout.free_mean, layout.free_covariance, np.array(numbers),
            prior.psi,
        ]  # fmt: skip

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Weights, means and covariances, in the units of the data."""
        layout = self.deconvolution().layout
        count = len(next(iter(values.values())))
        share = values.get("share", np.ones((count, len(layout.free_weight))))
        shares = layout.shares(share)
        mean = np.repeat(layout.fixed_mean[None], count, axis=0)
        covariance = np.repeat(layout.fixed_covariance[None], count, axis=0)
        if "free_mean" in values:
            mean[:, layout.free_mean] = values["free_mean"]
        if "log_cholesky" in values:
            factor = layout.factors(values["log_cholesky"])
            covariance[:, layout.free_covariance] = factor @ np.swapaxes(factor, -1, -2)
        stacked = {
            "weight": shares[:, : layout.components],
            "mean": mean,
            "covariance": covariance,
            "background": shares[:, -1],
        }
        return self.unscaled(stacked)

    def unscaled(
        self, stacked: dict[str, np.ndarray]
    ) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Variables of the posterior from scaled parameters (m, ...)."""
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            "weight": (("component",), stacked["weight"]),
            "mean": (("component", "dimension"), self.shift + self.scale * stacked["mean"]),
            "covariance": (
                ("component", "dimension", "dimension_2"),
                np.outer(self.scale, self.scale) * stacked["covariance"],
            ),
        }
        if self.deconvolution().layout.uniform:
            found["background"] = ((), stacked["background"])
        for name, (value, dim) in self.constants.items():
            repeated = np.broadcast_to(value, (len(stacked["weight"]), *value.shape)).copy()
            found[name] = (() if dim is None else (dim,), repeated)
        return found

    def draws(self, stacked: dict[str, np.ndarray]) -> xr.Dataset:
        """Scaled parameters (m, ...) as variables along ``sample``, with what follows from them."""
        import xarray as xr

        arrays = {
            name: (("chain", "draw", *dims), value[None])
            for name, (dims, value) in self.unscaled(stacked).items()
        }
        coords = {name: list(labels) for name, labels in self.coords().items()}
        found = self.model.derived(xr.Dataset(arrays, coords), self.priors)
        return found.isel(chain=0).rename(draw="sample")

    def graph(self) -> pm.Model:
        """The marginal model; see `density.story` for its coordinates."""
        ready_pytensor()
        found, _ = self.proper()
        return story.mixture_model(
            found, self.shift, self.scale, self.components, self.names, self.constants, self.bands
        )

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum."""
        return climbs.starts(self.proper()[0], count, rng)

    def maximum(
        self, search: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """The best maximum that EM finds, or those of an ensemble of fits."""
        found, worst = [], None
        for _ in range(self.fits):
            weight = climbs.bayesian_bootstrap(rng) if self.bootstrap else None
            points = self.deconvolution(search.workers, weight)
            run, statistics = climbs.search(points, search, rng, progress)
            found.append(run.parameters)
            if worst is None or statistics.attrs["gain_to_come"] > worst.attrs["gain_to_come"]:
                worst = statistics
            if statistics.attrs["interrupted"]:
                break
        return {"posterior": self.draws(climbs.stacked(found)), "sample_stats": worst}

    def laplace(
        self, settings: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about the maximum."""
        points = self.deconvolution(settings.search.workers)
        run, statistics = climbs.search(points, settings.search, rng, progress)
        stacked, efficiency = climbs.laplace(points, run, settings.draws, rng)
        statistics.attrs["importance_efficiency"] = efficiency
        return {"posterior": self.draws(stacked), "sample_stats": statistics}

    def gibbs(self, settings: Any, rng: np.random.Generator, report: Any) -> xr.Dataset | None:
        """Draws by turns: true values and labels given the mixture, the mixture given those."""
        from bayes_astro.mixtures import gibbs

        chains = gibbs.chains(self.deconvolution(), settings, rng, report)
        if chains is None:
            return None
        import xarray as xr

        found = [self.draws({name: value[c] for name, value in chains.items()})
                 for c in range(settings.chains)]  # fmt: skip
        return (
            xr.concat(found, "chain")
            .rename(sample="draw")
            .assign_coords(
                chain=np.arange(settings.chains), draw=np.arange(chains["weight"].shape[1])
            )
        )
