"""The density that NUTS and emcee share: one PyMC model, compiled once, for data of one shape."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bayes_astro.model import Model
    from bayes_astro.priors import Prior

__all__ = ["Target"]


class Target:
    """``build(data)`` seen from a sampler: a log density over one flat unconstrained vector.

    Parameters
    ----------
    model : Model
    data : container
    priors : dict of str to Prior
        Resolved; kept for every data set that `update` brings.
    """

    def __init__(self, model: Model, data: Any, priors: dict[str, Prior]) -> None:
        self.model, self.priors = model, priors
        self.pymc = model.build(data, priors)
        self.initial = self.pymc.initial_point()
        self.names = [variable.name for variable in self.pymc.value_vars]
        self.shapes = [self.initial[name].shape for name in self.names]
        self.size = sum(self.initial[name].size for name in self.names)

    def update(self, data: Any) -> None:
        """Put other data of the same shape into the compiled model."""
        for name, array in self.model.arrays(data, self.priors).items():
            self.pymc[name].set_value(np.ascontiguousarray(array))

    @cached_property
    def gradient(self) -> Any:
        """Compiled log density and gradient of a flat vector."""
        function = self.pymc.logp_dlogp_function(ravel_inputs=True)
        # The leapfrog calls this inner function some 1e5 times with vectors that it made itself.
        function._pytensor_function.trust_input = True
        return function

    @cached_property
    def _batch(self) -> Any:
        import pytensor
        from pymc.pytensorf import join_nonshared_inputs
        from pytensor.graph.replace import vectorize_graph

        point = {name: self.initial[name] for name in self.names}
        (density,), flat = join_nonshared_inputs(
            point=point, outputs=[_values_alone(self.pymc.logp())], inputs=self.pymc.value_vars
        )
        batch = pytensor.tensor.matrix("points")
        function = pytensor.function(
            [batch], vectorize_graph(density, {flat: batch}), trust_input=True
        )
        return function

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Log density of many flat vectors at once, (m, size) to (m,)."""
        return self._batch(np.ascontiguousarray(points))

    @cached_property
    def _outputs(self) -> Any:
        import pytensor
        from pymc.pytensorf import join_nonshared_inputs

        variables = [v for v in self.pymc.unobserved_value_vars if v.name not in self.names]
        named = [v for v in self.pymc.value_vars if v in self.pymc.unobserved_value_vars]
        wanted = list(dict.fromkeys([*variables, *named]))
        point = {name: self.initial[name] for name in self.names}
        outputs, flat = join_nonshared_inputs(
            point=point, outputs=wanted, inputs=self.pymc.value_vars
        )
        function = pytensor.function([flat], outputs, trust_input=True, on_unused_input="ignore")
        return [variable.name for variable in wanted], function

    def variables(self, points: np.ndarray) -> Any:
        """All named variables at (chain, draw, size) points, as a Dataset."""
        import xarray as xr

        names, function = self._outputs
        chains, draws, _ = points.shape
        rows = [function(np.ascontiguousarray(x)) for x in points.reshape(-1, self.size)]
        arrays = {}
        for i, name in enumerate(names):
            # Left out: unconstrained twins, and coordinates that only serve the sampler.
            if name.endswith("__") or name in self.model.working:
                continue
            values = np.array([row[i] for row in rows])
            dims = self.pymc.named_vars_to_dims.get(name, ())
            arrays[name] = (
                ("chain", "draw", *dims),
                values.reshape(chains, draws, *values.shape[1:]),
            )
        coords: dict[str, Any] = {
            name: list(values)
            for name, values in self.pymc.coords.items()
            if values is not None and any(name in entry[0] for entry in arrays.values())
        }
        coords |= {"chain": np.arange(chains), "draw": np.arange(draws)}
        return self.model.derived(xr.Dataset(arrays, coords), self.priors)

    def starts(self, data: Any, count: int, rng: np.random.Generator) -> tuple[Any, Any]:
        """Flat starting points (count, size) and a first guess of each coordinate's variance.

        From the task's own starting values where it has some; otherwise PyMC's initial point with
        a uniform jitter of one, as ``pm.sample`` does it. Points of zero density are drawn again.
        """
        candidates = max(4 * count, 64)
        values = self.model.starts(data, self.priors, candidates, rng)
        if values is None:
            middle = np.concatenate([np.ravel(self.initial[name]) for name in self.names])
            points = middle + rng.uniform(-1, 1, (candidates, self.size))
            variance = np.ones(self.size)
        else:
            points = self._unconstrained(values)
            variance = np.maximum(points.var(axis=0), 1e-30)
        # The densest of four times as many: a walker that starts in a mode of no weight would stay.
        density = self.log_density(points)
        order = np.argsort(-density, kind="stable")[: max(count, len(points) // 4)]
        finite = rng.permutation(points[order[np.isfinite(density[order])]])
        if len(finite) == 0:
            raise ValueError(
                "The posterior density is zero at every starting point: check that the priors "
                "admit the data."
            )
        if len(finite) < count:
            extra = finite[rng.integers(len(finite), size=count - len(finite))]
            extra = extra + 0.1 * np.sqrt(variance) * rng.normal(size=extra.shape)
            finite = np.concatenate([finite, extra])
        return finite[:count], variance

    def gaussian(self, data: Any, count: int, rng: np.random.Generator) -> tuple[Any, Any]:
        """Points (count, size) about the mode, and the covariance that the curvature there gives."""
        from scipy.optimize import minimize

        from bayes_astro.samplers.curvature import gaussian

        starts, _ = self.starts(data, 1, rng)
        found = minimize(
            lambda x: [-part for part in self.value_and_gradient(x)], starts[0], jac=True,
            method="L-BFGS-B", options={"maxiter": 2000},
        )  # fmt: skip
        about = gaussian(self, found.x)
        covariance = (about.axes * about.width**2) @ about.axes.T
        points = about.points(0.5 * rng.standard_normal((count, self.size)))
        return points, covariance

    def value_and_gradient(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density and gradient at a flat vector, minus infinity where it is not a number."""
        value, gradient = self.gradient(np.ascontiguousarray(point, dtype=float))
        if not np.isfinite(value):
            return -1e300, np.zeros(self.size)
        return float(value), np.asarray(gradient)

    def _unconstrained(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Map starting values (count, ...) of the free variables to flat vectors."""
        import pytensor
        from pytensor.compile.mode import Mode

        plain = Mode(linker="py", optimizer=None)
        columns = {}
        for variable in self.pymc.free_RVs:
            value_name = self.pymc.rvs_to_values[variable].name
            transform = self.pymc.rvs_to_transforms[variable]
            if variable.name in values:
                given = np.asarray(values[variable.name], dtype=float)
            else:  # the logarithm that stands for a LogUniform variable
                given = np.log(values[variable.name.removeprefix("log_")])
            if transform is not None:
                # One by one: a transform's own arguments have the shape of a single draw.
                symbol = variable.type()
                forward = transform.forward(symbol, *variable.owner.inputs)
                function = pytensor.function([symbol], forward, mode=plain)
                given = np.array([function(row) for row in given])
            columns[value_name] = given.reshape(len(given), -1)
        return np.concatenate([columns[name] for name in self.names], axis=1)


def _values_alone(density: Any) -> Any:
    """A density whose likelihood Ops compute no gradients, where they know how."""
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import apply_ancestors

    from bayes_astro.likelihoods.ops import ValueAndGradient

    found = {}
    for node in apply_ancestors([density]):
        if isinstance(node.op, ValueAndGradient) and (single := node.op.without_gradient()):
            found[node.outputs[0]] = single(*node.inputs)
    return graph_replace([density], found)[0] if found else density
