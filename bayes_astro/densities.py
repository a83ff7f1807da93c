"""How the log density of a problem is computed: by compiled code, in Python, or through its graph."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.coordinates import Coordinates

if TYPE_CHECKING:
    from bayes_astro.problem import Problem

__all__ = ["Compiled", "InPython", "ThroughGraph", "of"]

LONG = 2e-3  # seconds of work from which threads are worth their while


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows know no affinity
        return os.cpu_count() or 1


def of(problem: Problem) -> Any:
    """The density of a problem."""
    free = problem.free()
    if free is None:
        return ThroughGraph(problem)
    likelihood = problem.likelihood()
    kind = Compiled if hasattr(likelihood, "address") else InPython
    return kind(problem, Coordinates(free), likelihood)


class _Laid:
    """What densities over `Coordinates` share."""

    def __init__(self, problem: Problem, coordinates: Coordinates) -> None:
        self.problem, self.coordinates, self.size = problem, coordinates, coordinates.size

    def labels(self) -> list[str]:
        """A name for each entry of the flat vector."""
        return self.coordinates.labels()

    def flat(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Flat vectors at values of the free variables."""
        return self.coordinates.flat(values)

    def middle(self) -> np.ndarray:
        """The flat vector at the medians of the priors."""
        values = {}
        for one in self.coordinates.free:
            if one.prior is None:
                values[one.name] = np.zeros((1, *one.shape))
            elif one.prior.event:
                values[one.name] = np.full((1, *one.shape), 1 / max(one.length, 1))
            else:
                middle = one.prior.median()
                values[one.name] = np.broadcast_to(middle, one.shape)[None]
        return self.flat(values)[0]

    def variables(self, points: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """The posterior's variables at flat vectors (m, size), and their coordinates."""
        return self.problem.named(self.coordinates.values(points)), self.problem.coords()


class Compiled(_Laid):
    """By the shared kernel of priors and transforms and the task's own, both by their addresses."""

    def __init__(self, problem: Problem, coordinates: Coordinates, likelihood: Any) -> None:
        from bayes_astro.likelihoods import priors
        from bayes_astro.likelihoods.memory import index_of

        super().__init__(problem, coordinates)
        index, kept = index_of(coordinates.length, problem.arrays())
        table = np.ascontiguousarray(coordinates.table)
        self.header = np.array(
            [
                likelihood.address, coordinates.size, coordinates.length, len(table),
                table.ctypes.data, index.ctypes.data, 0,
            ],
            dtype=np.int64,
        )  # fmt: skip
        self.alive = (self.header, table, index, kept)
        self._each = 0.0  # seconds of a density, as it was last time
        self._evaluate, self._many = priors.evaluate, priors.evaluate_many

    @property
    def address(self) -> int:
        """Of the function that a sampler calls, with `header` as its data."""
        from bayes_astro.likelihoods.priors import DENSITY

        return DENSITY.address

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.empty(self.size)
        return self._evaluate(self.header, x, gradient, 1), gradient

    def many(self, points: np.ndarray) -> np.ndarray:
        """Log densities of points (m, size), in threads where they take long."""
        found = np.empty(len(points))
        began = time.perf_counter()
        workers = min(cores(), len(points)) if self._each * len(points) > LONG else 1
        if workers > 1:
            edges = np.linspace(0, len(points), workers + 1).astype(int)
            with ThreadPoolExecutor(workers) as pool:
                parts = [
                    pool.submit(self._many, self.header, points[a:b], found[a:b])
                    for a, b in pairwise(edges)
                ]
            for part in parts:
                part.result()
        else:
            self._many(self.header, points, found)
        self._each = workers * (time.perf_counter() - began) / max(len(points), 1)
        return found


class InPython(_Laid):
    """Priors and transforms by the shared kernel, the likelihood by a Python function."""

    address = None

    def __init__(self, problem: Problem, coordinates: Coordinates, likelihood: Any) -> None:
        from bayes_astro.likelihoods import priors

        super().__init__(problem, coordinates)
        self._likelihood, self._priors = likelihood, priors
        self.alive = ()

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.empty(self.size)
        return self._value(x, gradient, True), gradient

    def _value(self, x: np.ndarray, gradient: np.ndarray, wanted: bool) -> float:
        values, slopes = np.empty((2, self.coordinates.length))
        table = self.coordinates.table
        total = float(self._priors.constrain(table, x, values, slopes, gradient))
        if self._likelihood is not None and total > -np.inf:
            value, toward = self._likelihood(values, wanted)
            total += value
            if wanted:
                self._priors.pull_back(table, slopes, toward, gradient)
        if not np.isfinite(total):
            gradient[:] = 0.0
            return -np.inf
        return total

    def many(self, points: np.ndarray) -> np.ndarray:
        """Log densities of points (m, size)."""
        scratch = np.empty(self.size)
        return np.array([self._value(x, scratch, False) for x in points])


_reusable = threading.local()


class ThroughGraph:
    """Through PyTensor's functions of the PyMC graph, for tasks without a likelihood of their own.

    Functions are compiled once for a graph: another with the same operations and constants, whose
    data and prior numbers differ, takes them over. Each thread has its own.
    """

    address = None

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.alive = ()
        self.graph = problem.graph()
        self.initial = self.graph.initial_point()
        self.names = [variable.name for variable in self.graph.value_vars]
        self.shapes = [self.initial[name].shape for name in self.names]
        self.size = sum(self.initial[name].size for name in self.names)
        self._functions = _functions_of(self.graph)

    def _ready(self) -> Any:
        """The compiled functions, holding this problem's data and prior numbers."""
        self._functions.hold(self.graph)
        return self._functions

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self._ready().gradient(x)
        if not np.isfinite(value):
            return -np.inf, np.zeros(self.size)
        return float(value), np.asarray(gradient)

    def many(self, points: np.ndarray) -> np.ndarray:
        """Log densities of points (m, size)."""
        return np.array([self(x)[0] for x in points])

    def labels(self) -> list[str]:
        """A name for each entry of the flat vector: the variable without PyMC's suffix."""
        found = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            plain = name.removesuffix("__").rpartition("_")[0] if name.endswith("__") else name
            dims = self.graph.named_vars_to_dims.get(plain, ())
            coords = [self.graph.coords[dim] for dim in dims] if len(dims) == len(shape) else []
            for index in np.ndindex(*shape):
                at = [c[i] for c, i in zip(coords, index, strict=True)] if coords else list(index)
                found.append(plain + (f"[{', '.join(map(str, at))}]" if index else ""))
        return found

    def middle(self) -> np.ndarray:
        """PyMC's own initial point."""
        return np.concatenate([np.ravel(self.initial[name]) for name in self.names])

    def flat(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Flat vectors at values of the free variables."""
        import pytensor
        from pytensor.compile.mode import Mode

        plain = Mode(linker="py", optimizer=None)
        columns = {}
        for variable in self.graph.free_RVs:
            value_name = self.graph.rvs_to_values[variable].name
            transform = self.graph.rvs_to_transforms[variable]
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

    def variables(self, points: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """The graph's named variables at flat vectors (m, size), and their coordinates."""
        names, function = self._ready().outputs
        rows = [function(np.ascontiguousarray(x)) for x in points]
        arrays = {}
        for i, name in enumerate(names):
            # Left out: unconstrained twins, and coordinates that only serve the sampler.
            if name.endswith("__") or name in self.problem.model.internal:
                continue
            dims = tuple(self.graph.named_vars_to_dims.get(name, ()))
            arrays[name] = (dims, np.array([row[i] for row in rows]))
        coords = {k: list(v) for k, v in self.graph.coords.items() if v is not None}
        return arrays, coords


def _functions_of(graph: Any) -> Any:
    """Compiled functions for a graph: those of an equal one, or new ones."""
    kept = _reusable.__dict__.setdefault("kept", [])
    for functions in kept:
        if functions.serves(graph):
            return functions
    kept.insert(0, _Functions(graph))
    del kept[8:]
    return kept[0]


class _Functions:
    """PyTensor's functions of one graph, compiled when they are first needed."""

    def __init__(self, graph: Any) -> None:
        self.graph, self.holding = graph, graph
        self.logp = graph.logp()
        self.initial = graph.initial_point()
        self._gradient: Any = None
        self._outputs: Any = None

    def serves(self, other: Any) -> bool:
        """Whether another graph does the same with other data and prior numbers."""
        from pytensor.graph.basic import equal_computations

        ours, theirs = _held(self.graph), _held(other)
        same = [v.name for v in self.graph.value_vars] == [v.name for v in other.value_vars]
        if not same or ours.keys() != theirs.keys():
            return False
        if any(ours[name].type != theirs[name].type for name in ours):
            return False
        return equal_computations(
            [self.logp],
            [other.logp()],
            [*self.graph.value_vars, *ours.values()],
            [*other.value_vars, *theirs.values()],
        )

    def hold(self, other: Any) -> None:
        """Put the numbers of an equal graph into ours."""
        if other is self.holding:
            return
        theirs = _held(other)
        for name, shared in _held(self.graph).items():
            if shared is not theirs[name]:
                shared.set_value(theirs[name].get_value())
        self.holding = other

    @property
    def gradient(self) -> Any:
        """Log density and gradient of a flat vector."""
        if self._gradient is None:
            function = self.graph.logp_dlogp_function(ravel_inputs=True)
            function._pytensor_function.trust_input = True
            self._gradient = function
        return self._gradient

    @property
    def outputs(self) -> Any:
        """Names, and a function of a flat vector that gives these variables."""
        if self._outputs is None:
            import pytensor
            from pymc.pytensorf import join_nonshared_inputs

            values = [variable.name for variable in self.graph.value_vars]
            every = self.graph.unobserved_value_vars
            wanted = [v for v in every if v.name not in values]
            wanted += [v for v in self.graph.value_vars if v in every]
            outputs, flat = join_nonshared_inputs(
                point={name: self.initial[name] for name in values},
                outputs=wanted,
                inputs=self.graph.value_vars,
            )
            function = pytensor.function(
                [flat], outputs, trust_input=True, on_unused_input="ignore"
            )
            self._outputs = [variable.name for variable in wanted], function
        return self._outputs


def _held(graph: Any) -> dict[str, Any]:
    """The shared variables of a graph by name: its data, and the numbers of its priors."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import ancestors

    found = {}
    for variable in ancestors([graph.logp()]):
        if isinstance(variable, SharedVariable) and variable.name:
            found[variable.name] = variable
    return found
