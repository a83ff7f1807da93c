"""The posterior of a Gaussian process, laid out for samplers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Free
from bayes_astro.data import LightCurve
from bayes_astro.data.curve import Curve
from bayes_astro.likelihoods.compiled import ready_pytensor
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem
from bayes_astro.processes import exact_walk, process
from bayes_astro.processes.kernels import DampedRandomWalk, QuasiPeriodic
from bayes_astro.processes.mean_and_noise import (
    COEFFICIENTS,
    DEGREES,
    by_name,
    design,
    evaluate,
    function_of,
    noise_variance,
    seen,
)
from bayes_astro.processes.period_evidence import log_evidence
from bayes_astro.processes.periods import Periods
from bayes_astro.processes.roughness import pilot
from bayes_astro.processes.tracing import NotFollowed, Tape

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["ProcessProblem"]

DIFFERENCE = 1e-5
SAME = 1e-9  # relative difference of a traced formula from itself


class ProcessProblem(Problem):
    """Kernel and mean on a tape, the linear coefficients integrated out.

    Parameters
    ----------
    model, data, priors
        As for any problem.
    rotate : bool
        Sample sigma of a damped random walk as log(sigma^2 / tau), beside log tau: in these the
        posterior of a long damping time is a band along one axis.
    """

    def __init__(
        self, model: Any, data: LightCurve, priors: dict[str, Prior], *, rotate: bool = True
    ) -> None:
        super().__init__(model, data, priors)
        self.curve = Curve.of(data)
        self.basis, self.centre, self.width, self.scales = design(self.curve, priors)
        self.function = function_of(model.mean)
        self.seen = seen(self.function, self.curve.bands, self.curve.band)
        self.rotated = rotate and self._can_rotate()
        self.no_mode = "outliers=True; use ba.NUTS()" if model.outliers else ""

    def _can_rotate(self) -> bool:
        if not {"sigma", "tau"} <= set(self.priors) or not any(
            isinstance(leaf, DampedRandomWalk) for leaf in self.model.kernel.leaves()
        ):
            return False
        supports = [self.priors[name].support for name in ("sigma", "tau")]
        return not any(np.any(s[0] != 0) or np.any(np.isfinite(s[1])) for s in supports)

    def coords(self) -> dict[str, Any]:
        """Bands and rows."""
        bands = self.curve.bands
        return {"band": bands, "other_band": bands[1:], "row": np.arange(len(self.data))}

    def free(self) -> list[Free]:
        """Parameters, precisions of the rows, and unit normals of the coefficients."""
        names = [n for n in self.priors if n not in COEFFICIENTS]
        if self.rotated:
            names = ["tau", "sigma", *(n for n in names if n not in ("tau", "sigma"))]
        sizes, found = {k: len(v) for k, v in self.coords().items()}, []
        for name in names:
            shape = tuple(sizes[dim] for dim in self._dims(name))
            beside = "tau" if name == "sigma" and self.rotated else ""
            found.append(Free(name, self.priors[name], shape, beside))
        if self.model.outliers:
            gamma = Prior("Gamma", alpha=DEGREES / 2, beta=DEGREES / 2)
            found.append(Free("precision", gamma, (len(self.data),)))
        if columns := self.basis.shape[1]:
            found.append(Free("coefficient_unit", Prior("Normal", mu=0.0, sigma=1.0), (columns,)))
        return found

    @cached_property
    def idle(self) -> np.ndarray:
        """The unit normals of the coefficients."""
        idle = np.zeros(self.size, dtype=bool)
        idle[self.size - self.basis.shape[1] :] = True
        return idle

    def _dims(self, name: str) -> tuple[str, ...]:
        return self.model.dims_of(name, self.curve.several)

    # The likelihood, followed once ------------------------------------------------------------

    @cached_property
    def traced(self) -> tuple[Any, ...] | None:
        """Program, lists, constants, nodes of the tables, node of the mean; None where it fails."""
        tape, values, at = Tape(), {}, 0
        for one in self.free():
            if one.name in self.priors:
                values[one.name] = tape.input(at, one.length)
            at += one.length
        try:
            found = process.entries(
                self.model.kernel, values, len(self.curve.bands), self.model.independent, tape
            )
            nodes = [tape.traced(x).at for x in process.flat(found)]
            mean = -1
            if self.function is not None:
                mean = tape.traced(evaluate(self.function, values, self.curve.time, self.seen)).at
        except (NotFollowed, TypeError, ValueError, AttributeError):
            return None
        program, lists, work = tape.table()
        result = found.layout, program, lists, work, np.array(nodes, dtype=np.int64), mean
        return result if self.function is None or self._agrees(result) else None

    def _agrees(self, traced: tuple[Any, ...]) -> bool:
        """Whether a user's mean function is the same followed and called."""
        from bayes_astro.likelihoods import tape

        _, program, lists, work, _, mean = traced
        rng = np.random.default_rng(5)
        values = {
            one.name: one.prior.sample(rng, one.shape or (1,))  # type: ignore[union-attr]
            for one in self.free()
        }
        flat = np.concatenate([np.ravel(value) for value in values.values()])
        out = work.copy()
        with np.errstate(all="ignore"):
            tape.forward(program, lists, flat, out)
            named = {
                n: (v if self._dims(n) else float(v[0]))
                for n, v in values.items() if n in self.priors
            }  # fmt: skip
            expected = evaluate(self.function, named, self.curve.time, self.seen)
        start, length = program[mean, tape.PLACE], program[mean, tape.LENGTH]
        expected = np.broadcast_to(np.asarray(expected, dtype=float), (len(self.curve.time),))
        close = np.abs(out[start : start + length] - expected)
        return bool(np.all(close <= SAME * (1 + np.abs(expected))))

    def likelihood(self) -> Any:
        """Compiled where the mean function can be followed, else in Python."""
        from bayes_astro.likelihoods.process import PROCESS

        return self._in_python if self.traced is None else PROCESS

    def arrays(self) -> list[np.ndarray]:
        """In the order of `likelihoods.process`."""
        return self._laid[0]

    @cached_property
    def _laid(self) -> tuple[list[np.ndarray], Any]:
        from bayes_astro.likelihoods.memory import index_of
        from bayes_astro.likelihoods.semiseparable_passes import passes

        assert self.traced is not None
        layout, program, lists, work, nodes, mean = self.traced
        columns = self.basis.shape[1]
        recursion = passes(layout, columns)
        packed = 2 * len(self.data) + len(nodes)
        rest = [self.width, self.curve.time, self.curve.band, self.basis]
        index, kept = index_of(packed, rest)
        places, at = {}, 0
        for one in self.free():
            places[one.name] = at, one.length
            at += one.length
        jitter, count = places.get("jitter", (0, 0))
        precision = places.get("precision", (-1, 0))[0]
        numbers = [
            mean, jitter, count, precision, recursion.likelihood.address,
            recursion.value_alone.address, index.ctypes.data, columns,
        ]  # fmt: skip
        rows = np.array([self.data.value - self.basis @ self.centre, self.data.error**2])
        arrays = [np.array(numbers), program, lists, work, nodes, rows, self.curve.band]
        return arrays, (index, kept)

    def _in_python(self, values: np.ndarray, wanted: bool) -> tuple[float, np.ndarray]:
        """The likelihood where a formula cannot be followed: its slopes by differences."""
        from bayes_astro.likelihoods.semiseparable_passes import passes

        rest = (self.width, self.curve.time, self.curve.band, self.basis)
        found, inputs = self._inputs(values)
        recursion = passes(found.layout, self.basis.shape[1])
        gradient = np.zeros(len(values))
        if not wanted:
            return float(recursion.value(*inputs, *rest)[0]), gradient
        density, *slopes = recursion.gradient(*inputs, *rest)
        at = 0
        for one in self.free():
            for i in range(at, at + one.length * (one.name != "coefficient_unit")):
                step = np.zeros(len(values))
                step[i] = DIFFERENCE * max(1.0, abs(values[i]))
                ends = [self._inputs(values + sign * step)[1] for sign in (1, -1)]
                total = sum(np.sum(s * (a - b)) for s, a, b in zip(slopes, *ends, strict=True))
                gradient[i] = total / (2 * step[i])
            at += one.length
        return float(density), gradient

    def _inputs(self, flat: np.ndarray) -> tuple[Any, list[np.ndarray]]:
        """Tables and arguments of the recursion at flat values."""
        values, at = {}, 0
        for one in self.free():
            own = flat[at : at + one.length]
            values[one.name] = own if one.shape else float(own[0])
            at += one.length
        found = self.model.tables(values, len(self.curve.bands))
        scale = values["precision"] ** -0.5 if "precision" in values else 1.0
        variance = noise_variance(values, self.data.error, self.curve.band, scale)
        residual = self.data.value - self.basis @ self.centre
        if self.function is not None:
            residual = residual - evaluate(self.function, values, self.curve.time, self.seen)
        return found, [residual, variance, *found.arguments]

    # From values to variables -----------------------------------------------------------------

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Parameters, coefficients by their conditional draws, noise scales."""
        found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
            name: (self._dims(name), value) for name, value in values.items() if name in self.priors
        }
        if "precision" in values:
            found["noise_scale"] = (("row",), values["precision"] ** -0.5)
        if "coefficient_unit" in values:
            flat = self.centre + self._coefficients(values)
            for name, own in by_name(flat, self.curve, self.scales).items():
                found[name] = (self._dims(name), own)
        return found

    def _coefficients(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Conditional draws (m, p) of the linear coefficients, less their centre."""
        from bayes_astro.likelihoods.memory import index_of
        from bayes_astro.likelihoods.process import draw_coefficients

        units = np.ascontiguousarray(values["coefficient_unit"])
        flat = np.concatenate([v.reshape(len(units), -1) for v in values.values()], axis=1)
        out = np.empty_like(units)
        if self.traced is not None:
            index, _alive = index_of(flat.shape[1], self.arrays())
            draw_coefficients(index, np.ascontiguousarray(flat), units, out)
            return out
        for i, (row, unit) in enumerate(zip(flat, units, strict=True)):
            mean, covariance = self.conditional(row)
            out[i] = mean + np.linalg.cholesky(covariance) @ unit
        return out

    def conditional(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean, less its centre, and covariance of the linear coefficients at flat values."""
        from bayes_astro.likelihoods.semiseparable_passes import passes

        found, inputs = self._inputs(flat)
        rest = (self.width, self.curve.time, self.curve.band, self.basis)
        _, mean, covariance = passes(found.layout, self.basis.shape[1]).value(*inputs, *rest)
        return mean, covariance

    # The story, starts, exact draws -----------------------------------------------------------

    def graph(self) -> pm.Model:
        """The marginal model; see `ba.GaussianProcess` for its equations."""
        ready_pytensor()
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.process_ops import (
            SemiseparableCoefficients,
            SemiseparableDensity,
        )

        priors, curve = self.priors, self.curve
        columns = self.basis.shape[1]
        with pm.Model(coords=self.coords()) as model:
            time = pm.Data("time", curve.time)
            # pm.Data would cut longer integers down.
            band = pm.Data("row_band", curve.band.astype(np.int32))
            basis, width = pm.Data("basis", self.basis), pm.Data("width", self.width)
            centre = pm.Data("coefficient_mean", self.centre)
            values: dict[str, Any] = _rotated(priors) if self.rotated else {}
            for name, prior in priors.items():
                if name not in (*COEFFICIENTS, *values):
                    dims = self._dims(name)
                    values[name] = prior.variable(name, dims=dims[0] if dims else None)
            for name, quantity in self.model.further(values).items():
                pm.Deterministic(name, quantity)
            scale: Any = 1.0
            if self.model.outliers:
                precision = pm.Gamma("precision", DEGREES / 2, DEGREES / 2, dims="row")
                scale = pm.Deterministic("noise_scale", precision**-0.5, dims="row")
            variance = noise_variance(values, pm.Data("error", self.data.error), band, scale)
            residual = pm.Data("value", self.data.value) - basis @ centre
            if self.function is not None:
                visible = None if self.seen is None else pm.Data("seen", self.seen)
                residual = residual - evaluate(self.function, values, time, visible)
            found = process.tables(
                self.model.kernel, values, len(curve.bands), self.model.independent, pt
            )
            inputs = [
                residual, variance, *found.arguments, width, time, pt.cast(band, "int64"), basis,
            ]  # fmt: skip
            pm.Potential("light_curve", SemiseparableDensity(found.layout, columns)(*inputs)[0])
            if columns:
                # Exact draws of what was integrated out: unit normals through its conditional.
                unit = pm.Normal("coefficient_unit", shape=columns)
                mean, factor = SemiseparableCoefficients(found.layout, columns)(*inputs)
                for name, own in by_name(centre + mean + factor @ unit, curve, self.scales).items():
                    dims = self._dims(name)
                    pm.Deterministic(name, own, dims=dims[0] if dims else None)
        return model

    @cached_property
    def periods(self) -> Periods | None:
        """All periods of the mean function; None where it has none, or there are outliers."""
        has = hasattr(self.function, "linear") and not self.model.outliers
        return Periods(self) if has and self.traced is not None else None

    def of_rows(self, rows: Any) -> ProcessProblem:
        """The same of some of the rows."""
        return ProcessProblem(self.model, self.data[rows], self.priors)

    def candidates(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """From the prior, and the maxima over the periods."""
        found = super().candidates(count, rng)
        if self.periods is not None:
            for row, mode in zip(found, self.periods.modes, strict=False):
                row[: len(mode.point)] = mode.point
        elif isinstance(self.model.kernel, QuasiPeriodic) and not self.curve.several:
            values = self.target.coordinates.values(found[:1])
            (names,) = self.model.kernel.names()
            for parameter, value in pilot(self.model.kernel, self.data, self.priors).items():
                if (name := names.get(parameter, parameter)) in values:
                    values[name] = np.full(values[name].shape, value)
            found[:1] = self.flat(values)
        return found

    def log_evidence(self, draws: int, rng: np.random.Generator) -> dict[str, float] | None:
        """Over all periods of the mean function; None where it has none."""
        return None if self.periods is None else log_evidence(self.periods, draws, rng)

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum of the posterior without outliers."""
        from bayes_astro.samplers.maximum import MAP
        from bayes_astro.samplers.mode import Mode

        plain = self
        if self.model.outliers:
            plain = ProcessProblem(self.model.copy(outliers=False), self.data, self.priors)
        if plain.periods is not None:
            mode, points = plain.periods.modes[0], plain.periods.draws(count, rng)
        else:
            mode = Mode.of(plain, MAP(restarts=4, max_steps=200), rng)
            points = mode.around().points(rng.standard_normal((count, len(mode.point))))
        found = plain.target.coordinates.values(mode.whole(points, rng))
        if self.model.outliers:
            found["precision"] = rng.gamma(5.0, 0.2, (count, len(self.data)))
        return {one.name: found[one.name] for one in self.free()}

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Independent draws for a damped random walk in one band; see `drw_posterior`."""
        return exact_walk.groups(self, draws, rng)

    def batch(self, items: Any, sampler: Any, seed: int, stop: Any) -> list[dict[str, Any]] | None:
        """A damped random walk in one band by its exact posterior, in threads."""
        return exact_walk.rows(self.model, self.data, items, sampler, seed, stop)


def _rotated(priors: dict[str, Prior]) -> dict[str, Any]:
    """sigma and tau through log(sigma^2 / tau) and log tau.

    The prior stays that of sigma and tau, with the Jacobian
    d(sigma, tau) = sigma tau / 2 d(log_rate, log_tau).
    """
    import pymc as pm
    import pytensor.tensor as pt

    start = {name: float(np.asarray(priors[name].median())) for name in ("sigma", "tau")}
    log_tau = pm.Flat("log_tau", initval=np.log(start["tau"]))
    log_rate = pm.Flat("log_rate", initval=np.log(start["sigma"] ** 2 / start["tau"]))
    tau = pm.Deterministic("tau", pt.exp(log_tau))
    sigma = pm.Deterministic("sigma", pt.exp(0.5 * (log_rate + log_tau)))
    density = priors["tau"].symbolic_log_density(tau)
    density += priors["sigma"].symbolic_log_density(sigma)
    pm.Potential("sigma_tau", density + 0.5 * log_rate + 1.5 * log_tau - np.log(2))
    return {"sigma": sigma, "tau": tau}
