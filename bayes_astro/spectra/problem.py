r"""The posterior of components, their noise, and how they are drawn.

With normal noise the coefficients are integrated out of the density; with Student's t they are variables of
their own, z. The density is here to check `ba.Gibbs`, which needs a tenth of the work for an independent
draw.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import digamma
from threadpoolctl import threadpool_limits

from bayes_astro.densities import cores
from bayes_astro.priors import Prior
from bayes_astro.problem import Free, Problem
from bayes_astro.samplers.progress import Progress
from bayes_astro.spectra.coefficients import Pixels, conditional, unpacked
from bayes_astro.spectra.draws import continuum_shapes
from bayes_astro.spectra.expectation import Maximum, Penalty, begin, climb
from bayes_astro.spectra.floors import SPREAD, Floor
from bayes_astro.spectra.gibbs import Chain, records, relative_widths
from bayes_astro.spectra.tails import log_student

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["FactorsProblem"]

UNIT = Prior("Normal", mu=0.0, sigma=1.0)
FIRST = 12  # steps of EM before draws
SMALL = 20_000  # pixels up to which threads wait for each other
WIDE = 0.95  # quantile of the scales' prior at which a maximum holds them


class FactorsProblem(Problem):
    """Spectra of one fit, with the number of factors settled."""

    no_mode = "the density of the components has a pole where their scale is zero"
    no_evidence = "the number of factors is chosen by pixels held out, not by evidence"

    def __init__(self, model: Any, data: Any, priors: dict[str, Prior], factors: int) -> None:
        super().__init__(model, data, priors)
        self.pixels, self.factors = Pixels.of(data), factors
        self.floor = Floor(model.noise, data.wavelength)
        self.shapes = continuum_shapes(model.continuum, data.wavelength)
        self.robust = bool(model.robust)
        self.relative = relative_widths(priors, self.pixels.p)

    # A density of everything ------------------------------------------------------------------

    def free(self) -> list[Free]:
        """See `SpectralFactors`; nodes of the floor as unit normals about its scale."""
        p, k = self.pixels.p, self.factors
        found = [
            Free("mean", self.priors["mean"], (p,)),
            Free("scale", self.priors["scale"], (k,)),
            Free("component_unit", UNIT, (k, p)),
        ]
        if self.floor.hierarchical:
            found.append(Free("floor_scale", self.priors["floor_scale"]))
            found.append(Free("floor_unit", UNIT, (self.floor.nodes,)))
        elif self.floor.nodes:
            found.append(Free("floor", self.priors["floor"]))
        if len(self.shapes):
            found.append(Free("continuum_scale", self.priors["continuum_scale"]))
        if self.robust:
            found.append(Free("degrees_of_freedom", self.priors["degrees_of_freedom"]))
            found.append(Free("z", UNIT, (self.pixels.n, k + len(self.shapes))))
        return found

    def likelihood(self) -> Callable[[np.ndarray, bool], tuple[float, np.ndarray]]:
        """Of the spectra, in Python."""
        places, at = {}, 0
        for one in self.free():
            places[one.name] = (slice(at, at + one.length), one.shape)
            at += one.length

        def value_and_gradient(values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
            given = {name: values[s].reshape(shape) for name, (s, shape) in places.items()}
            total, slopes = self._log_likelihood(given)
            gradient = np.zeros(at)
            for name, slope in slopes.items():
                gradient[places[name][0]] = np.ravel(slope)
            return total, gradient

        return value_and_gradient

    def _log_likelihood(self, v: dict[str, np.ndarray]) -> tuple[float, dict[str, Any]]:
        """Value, and slopes by the values of the free variables."""
        unit = v["component_unit"]
        component = v["scale"][:, None] * self.relative * unit
        size = float(v["continuum_scale"]) if len(self.shapes) else 0.0
        loadings = np.concatenate([component, size * self.shapes])
        theta = self._theta(v)
        floor = np.ascontiguousarray(self.floor.variance(theta))
        slopes: dict[str, Any] = {}
        if self.robust:
            total, by_mean, by_loading, by_floor, extra = self._student(v, loadings, floor)
            slopes |= extra
        else:
            total, by_mean, by_loading, by_floor = self._marginal(v["mean"], loadings, floor)
        k = self.factors
        slopes["mean"] = by_mean
        own = by_loading[:k] * self.relative
        slopes["component_unit"] = own * v["scale"][:, None]
        slopes["scale"] = np.sum(own * unit, axis=1)
        if len(self.shapes):
            slopes["continuum_scale"] = np.sum(by_loading[k:] * self.shapes)
        if self.floor.nodes:
            by_theta = self.floor.gathered(2 * floor * by_floor)
            if self.floor.hierarchical:
                slopes["floor_unit"] = SPREAD * by_theta
                slopes["floor_scale"] = by_theta.sum() / float(v["floor_scale"])
            else:
                slopes["floor"] = by_theta[0] / float(v["floor"])
        return total, slopes

    def _theta(self, v: dict[str, np.ndarray]) -> np.ndarray:
        if self.floor.hierarchical:
            return np.log(v["floor_scale"]) + SPREAD * v["floor_unit"]
        return np.log(np.atleast_1d(v["floor"])) if self.floor.nodes else np.empty(0)

    def _marginal(
        self, mean: np.ndarray, loadings: np.ndarray, floor: np.ndarray
    ) -> tuple[Any, ...]:
        from bayes_astro.spectra.coefficients import Frame

        x, variance = self.pixels.x, self.pixels.variance + floor
        about = conditional(self.pixels, Frame(mean, loadings, floor))
        weight = np.where(np.isfinite(variance), 1 / variance, 0.0)
        second = unpacked(about.covariance, len(loadings))
        spread = np.einsum("kp,nkl,lp->np", loadings, second, loadings, optimize=True)
        left = x - mean - about.mean @ loadings
        second = second + about.mean[:, :, None] * about.mean[:, None, :]
        pulled = weight * (x - mean)
        by_loading = about.mean.T @ pulled - np.einsum(
            "np,nkl,lp->kp", weight, second, loadings, optimize=True
        )
        by_floor = 0.5 * np.sum(weight**2 * (left**2 + spread) - weight, axis=0)
        return float(about.log_density.sum()), np.sum(weight * left, axis=0), by_loading, by_floor

    def _student(
        self, v: dict[str, np.ndarray], loadings: np.ndarray, floor: np.ndarray
    ) -> tuple[Any, ...]:
        nu, z = float(v["degrees_of_freedom"]), v["z"]
        variance = self.pixels.variance + floor
        known = np.isfinite(variance)
        variance = np.where(known, variance, 1.0)
        left = np.where(known, self.pixels.x - v["mean"] - z @ loadings, 0.0)
        q = left**2 / variance
        each = log_student(q, nu) - 0.5 * np.log(variance)
        pull = np.where(known, (nu + 1) * left / (variance * (nu + q)), 0.0)
        by_floor = np.sum(np.where(known, 0.5 * (pull * left - 1) / variance, 0.0), axis=0)
        by_nu = 0.5 * (digamma(0.5 * (nu + 1)) - digamma(0.5 * nu) - 1 / nu)
        by_nu = by_nu - 0.5 * np.log1p(q / nu) + 0.5 * (nu + 1) * q / (nu * (nu + q))
        extra = {"degrees_of_freedom": float(by_nu[known].sum()), "z": pull @ loadings.T}
        return float(each[known].sum()), pull.sum(axis=0), z.T @ pull, by_floor, extra

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Components and floors from their unit normals."""
        found = {
            "mean": (("pixel",), values["mean"]),
            "component": (
                ("factor", "pixel"),
                values["scale"][:, :, None] * self.relative * values["component_unit"],
            ),
            "scale": (("factor",), values["scale"]),
        }
        if self.floor.hierarchical:
            theta = np.log(values["floor_scale"])[:, None] + SPREAD * values["floor_unit"]
            found["floor"] = (("pixel",), np.exp(self.floor.logarithm(theta)))
        for name in ("floor_scale", "floor", "continuum_scale", "degrees_of_freedom"):
            if name in values:
                found[name] = ((), values[name])
        return found

    def coords(self) -> dict[str, Any]:
        """Wavelengths, and numbers of factors."""
        return {"pixel": self.data.wavelength, "factor": np.arange(1, self.factors + 1)}

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """About the maximum."""
        best = self.climbed(rng)
        scale = (
            np.sqrt(np.mean((best.component / self.relative) ** 2, axis=1))
            + 1e-9 * np.abs(best.component).max()
        )
        middle = float(np.exp(best.theta.mean())) if self.floor.nodes else 1.0
        base = {
            "mean": best.mean,
            "scale": scale,
            "component_unit": best.component / scale[:, None] / self.relative,
            "floor_scale": middle,
            "floor_unit": (best.theta - best.theta.mean()) / SPREAD if self.floor.nodes else 0.0,
            "floor": middle,
            "continuum_scale": max(best.continuum, 1e-12),
            "degrees_of_freedom": min(best.degrees, 50.0),
        }
        if self.robust:
            base["z"] = conditional(self.pixels, best.frame(self.floor, self.shapes)).mean
        found = {}
        for one in self.free():
            value = np.broadcast_to(np.asarray(base[one.name], dtype=float), (count, *one.shape))
            if one.name == "mean":
                noise = 0.05 * np.std(self.pixels.x) * rng.standard_normal(value.shape)
                found[one.name] = value + noise
            elif one.name in ("component_unit", "floor_unit", "z"):
                found[one.name] = value + 0.1 * rng.standard_normal(value.shape)
            else:
                found[one.name] = value * np.exp(0.1 * rng.standard_normal(value.shape))
        return found

    # What is fast -----------------------------------------------------------------------------

    def _penalty(self) -> Penalty:
        mean = self.priors["mean"].arguments
        scale = np.broadcast_to(self.priors["scale"].quantile(WIDE), (self.factors,))
        return Penalty(
            np.asarray(mean["mu"]), np.asarray(mean["sigma"]), np.array(scale), self.relative
        )

    def climbed(
        self, rng: np.random.Generator, steps: int = FIRST, tolerance: float = 1.0, **options: Any
    ) -> Maximum:
        first = begin(self.pixels, self.factors, self.floor, self.shapes, self.robust, rng)
        return climb(
            self.pixels, first, self.floor, self.shapes, self._penalty(), steps=steps,
            tolerance=tolerance, **options,
        )  # fmt: skip

    def maximum(
        self, search: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """By EM, with the scales of the components held wide: at zero their density has a pole."""
        import xarray as xr

        measured = int(np.isfinite(self.pixels.variance).sum())
        tolerance = search.tolerance or max(0.05, 2.5e-6 * measured)
        limit = threadpool_limits(search.workers, "blas")
        with limit, Progress(search.max_steps, "EM", shown=progress) as bar:

            def watch(step: int, value: float) -> None:
                bar.at(step, f"log likelihood {value:.6g}")

            best = self.climbed(rng, search.max_steps, tolerance, watch=watch)
        values = {
            "mean": best.mean, "component": best.component, "scale": self._penalty().scale,
            "theta": best.theta, "degrees": np.array(best.degrees),
            "floor_scale": np.exp(best.theta.mean()) if self.floor.nodes else np.array(0.0),
            "continuum": np.array(best.continuum),
        }  # fmt: skip
        one = self._dataset({name: np.asarray(v)[None, None] for name, v in values.items()})
        statistics = xr.Dataset(
            attrs={
                "converged": int(best.gain < tolerance), "gain_to_come": float(best.gain),
                "log_density": best.value, "steps": best.steps, "interrupted": 0,
            }
        )  # fmt: skip
        posterior = one.isel(chain=0, drop=True).rename(draw="sample").drop_vars("sample")
        return {"posterior": posterior, "sample_stats": statistics}

    def gibbs(
        self, settings: Any, rng: np.random.Generator, report: Callable[[int], bool]
    ) -> xr.Dataset | None:
        """Draws by turns, each chain in a thread of its own."""
        with threadpool_limits(1, "blas"):
            start = self.climbed(rng)
        chains = [self.chain(start, one) for one in rng.spawn(settings.chains)]
        kept: list[list[dict[str, np.ndarray]]] = [[] for _ in chains]
        threads = min(cores(), len(chains)) if self.pixels.x.size > SMALL else 1
        # Chains are what runs side by side.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            for i in range(settings.tune + settings.draws):
                if report(i):
                    break
                tuning = 0.0 if i >= settings.tune else (0.3 if 2 * i < settings.tune else 0.1)
                list(pool.map(lambda chain, gain=tuning: chain.sweep(gain), chains))
                if i >= settings.tune:
                    for chain, own in zip(chains, kept, strict=True):
                        own.append(chain.state.kept())
        if not kept[0]:
            return None
        return self._dataset(records(kept))

    def chain(self, start: Maximum, rng: np.random.Generator) -> Chain:
        """One chain from near a maximum."""
        return Chain(self.pixels, self.floor, self.shapes, self.priors, start, rng)

    def _dataset(self, found: dict[str, np.ndarray]) -> xr.Dataset:
        """Posterior of states (chain, draw, ...)."""
        import xarray as xr

        lead = ("chain", "draw")
        arrays: dict[str, Any] = {
            "mean": ((*lead, "pixel"), found["mean"]),
            "component": ((*lead, "factor", "pixel"), found["component"]),
            "scale": ((*lead, "factor"), found["scale"]),
        }
        if self.floor.hierarchical:
            arrays["floor"] = ((*lead, "pixel"), np.exp(self.floor.logarithm(found["theta"])))
            arrays["floor_scale"] = (lead, found["floor_scale"])
        elif self.floor.nodes:
            arrays["floor"] = (lead, np.exp(found["theta"][..., 0]))
        if len(self.shapes):
            arrays["continuum_scale"] = (lead, found["continuum"])
        if self.robust:
            arrays["degrees_of_freedom"] = (lead, found["degrees"])
        chains, draws = found["mean"].shape[:2]
        coords = {"chain": np.arange(chains), "draw": np.arange(draws), **self.coords()}
        return self.model.derived(xr.Dataset(arrays, coords), self.priors)

    # The story --------------------------------------------------------------------------------

    def graph(self) -> pm.Model:
        """Priors, components, and the spectra's density, which is written out for each."""
        import pymc as pm
        import pytensor.tensor as pt

        p, k = self.pixels.p, self.factors
        known = np.isfinite(self.pixels.variance)
        with pm.Model(coords={name: list(v) for name, v in self.coords().items()}) as model:
            mean = self.priors["mean"].variable("mean", dims="pixel")
            scale = self.priors["scale"].variable("scale", dims="factor")
            unit = pm.Normal("component_unit", 0.0, 1.0, shape=(k, p))
            component = pm.Deterministic(
                "component", scale[:, None] * self.relative * unit, dims=("factor", "pixel")
            )
            floor = pt.zeros(p)
            if self.floor.hierarchical:
                middle = self.priors["floor_scale"].variable("floor_scale")
                own = pm.Normal("floor_unit", 0.0, 1.0, shape=self.floor.nodes)
                theta = pm.math.log(middle) + SPREAD * own
                if self.floor.kind == "smooth floor":
                    theta = pt.dot(self.floor.weights, theta)
                floor = pm.Deterministic("floor", pm.math.exp(theta), dims="pixel")
            elif self.floor.nodes:
                floor = self.priors["floor"].variable("floor") * pt.ones(p)
            loadings = component
            if len(self.shapes):
                size = self.priors["continuum_scale"].variable("continuum_scale")
                loadings = pt.concatenate([component, size * self.shapes])
            error = np.where(known, np.sqrt(np.where(known, self.pixels.variance, 1.0)), 0.0)
            if self.robust:
                degrees = self.priors["degrees_of_freedom"].variable("degrees_of_freedom")
                z = pm.Normal("z", 0.0, 1.0, shape=(self.pixels.n, k + len(self.shapes)))
                rows, columns = np.nonzero(known)
                middle = (mean + pt.dot(z, loadings))[rows, columns]
                width = pt.sqrt(error[rows, columns] ** 2 + floor[columns] ** 2)
                pm.StudentT(
                    "flux",
                    nu=degrees,
                    mu=middle,
                    sigma=width,
                    observed=self.pixels.x[rows, columns],
                )
                return model
            # A pixel of a gap is a unit normal of its own, at zero.
            own = loadings[None] * known[:, None, :]
            width = pt.where(known, error**2 + floor**2, 1.0)
            covariance = pt.matmul(own.transpose(0, 2, 1), own) + width[:, :, None] * np.eye(p)
            left = pt.where(known, self.pixels.x - mean, 0.0)
            factor = pt.linalg.cholesky(covariance)
            half = pt.linalg.solve_triangular(factor, left[:, :, None], lower=True)
            log_det = pt.log(pt.diagonal(factor, axis1=1, axis2=2)).sum()
            total = -0.5 * (half**2).sum() - log_det - 0.5 * known.sum() * np.log(2 * np.pi)
            pm.Potential("flux", total)
        return model
