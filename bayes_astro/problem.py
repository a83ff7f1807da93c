"""One posterior, laid out once: what samplers, optimisers and checks ask of a task.

A task's `problem` says which variables are free, the likelihood of their values, and what follows
from them. From this come the log density over one flat vector without bounds (in compiled code,
with its gradient), many densities at once, starting points, and named draws. `graph` tells the same
story in PyMC: the two are compared in the contract's test, and a task that has no likelihood in
compiled code is sampled through its graph.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from bayes_astro.coordinates import Free as Free  # what a task writes stands in one place
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["Batched", "Exactly", "HasGibbs", "HasLaplace", "HasMaximum", "Problem"]


class Problem(ABC):
    """The posterior of one model given data and resolved priors.

    A task's problem is a class of its own that lays its data out in ``__init__`` and says, at least,
    `graph`; with `free`, `likelihood` and `arrays` nothing of the graph is compiled.

    Parameters
    ----------
    model : Model
        With nothing open.
    data : container
        Checked.
    priors : dict of str to Prior
        Resolved.
    """

    no_density = ""  # why there is no density over a flat vector, but exact draws alone
    no_mode = ""  # why no Gaussian about a mode can stand for the posterior
    no_evidence = ""  # why there is no evidence

    def __init__(self, model: Any, data: Any, priors: dict[str, Prior]) -> None:
        self.model, self.data, self.priors = model, data, priors

    # What a task writes -----------------------------------------------------------------------

    @abstractmethod
    def graph(self) -> pm.Model:
        """The generative story in PyMC: priors, latents, likelihood, in this order."""

    def free(self) -> list[Free] | None:
        """The free variables in the order of the graph's; None: what the graph has."""
        return None

    def likelihood(self) -> Any:
        """The compiled likelihood of the free variables' values, one after the other.

        A `bayes_astro.likelihoods.memory.likelihood`, or a Python function of (values, wanted) that
        returns the log likelihood and its gradient; None: that of the graph.
        """
        return None

    def arrays(self) -> list[np.ndarray]:
        """The arrays that the compiled likelihood reads."""
        return []

    def named(self, values: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        """Variables of the posterior from values (m, ...) of the free ones: dims, array (m, ...).

        All draws of a fit come at once, and no generator: variables drawn given the free ones take
        one that is seeded with `values`, so that the same draws bring the same of them.
        """
        raise NotImplementedError

    def coords(self) -> dict[str, Any]:
        """Labels of the dimensions that `named` uses."""
        return {}

    def starts(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray] | None:
        """Values of the free variables about the mode, each (count, ...); None: near the prior's middle."""
        return None

    def scatter(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray] | None:
        """Values of the free variables all over their prior, where a search may begin."""
        free = self.free()
        if free is None or any(one.prior is None for one in free):
            return None
        return {
            one.name: np.asarray(one.prior.sample(rng, (count, *one.shape)))  # type: ignore[union-attr]
            for one in free
        }

    def log_evidence(self, draws: int, rng: np.random.Generator) -> dict[str, float] | None:
        """Log evidence by a way of the task's own, as `samplers.maximum.evidence` gives it; None: about
        the maximum."""
        return None

    def check_draws(self, draws: xr.Dataset) -> None:  # noqa: B027
        """Raise ValueError for whole numbers among the draws of a file that choose what is not there."""

    @cached_property
    def idle(self) -> np.ndarray:
        """Which flat coordinates are unit normals that the likelihood does not depend on: (size,)."""
        return np.zeros(self.size, dtype=bool)

    # What every problem gets ------------------------------------------------------------------

    @cached_property
    def target(self) -> Any:
        """What computes the density: compiled, in Python, or through the graph."""
        from bayes_astro import densities

        return densities.of(self)

    @property
    def size(self) -> int:
        """Length of the flat vector."""
        return self.target.size

    def density(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Log density and gradient at a flat vector; minus infinity and zeros where there is none."""
        return self.target(np.ascontiguousarray(x, dtype=float))

    def densities(self, points: np.ndarray) -> np.ndarray:
        """Log densities at many flat vectors, (m, size) to (m,)."""
        return self.target.many(np.ascontiguousarray(points, dtype=float))

    def labels(self) -> list[str]:
        """A name for each entry of the flat vector."""
        return self.target.labels()

    def flat(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """Flat vectors (m, size) at values (m, ...) of the free variables."""
        return self.target.flat(values)

    def variables(self, points: np.ndarray) -> xr.Dataset:
        """The posterior's variables at flat vectors (chain, draw, size)."""
        import xarray as xr

        chains, draws, _ = points.shape
        arrays, coords = self.target.variables(points.reshape(-1, points.shape[-1]))
        shaped = {
            name: (("chain", "draw", *dims), values.reshape(chains, draws, *values.shape[1:]))
            for name, (dims, values) in arrays.items()
        }
        used = {dim for dims, _ in shaped.values() for dim in dims}
        coords = {name: list(labels) for name, labels in coords.items() if name in used}
        coords |= {"chain": np.arange(chains), "draw": np.arange(draws)}
        return self.model.derived(xr.Dataset(shaped, coords), self.priors)

    def points(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Flat starting points (count, size) and a first guess of each coordinate's variance.

        From the task's own starting values where it has some; otherwise about the middle of the
        prior, with a uniform jitter of one in every coordinate. Points of zero density are left out.
        """
        candidates = max(4 * count, 64)
        values = self.starts(candidates, rng)
        if values is None:
            found = self.target.middle() + rng.uniform(-1, 1, (candidates, self.size))
            variance = np.ones(self.size)
        else:
            found = self.flat(values)
            variance = np.maximum(found.var(axis=0), 1e-30)
        # The densest of four times as many: a walker that starts in a mode of no weight would stay.
        density = self.densities(found)
        order = np.argsort(-density, kind="stable")[: max(count, len(found) // 4)]
        finite = rng.permutation(found[order[np.isfinite(density[order])]])
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

    def candidates(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Flat vectors (count, size) where a search for the maximum may begin."""
        values = self.scatter(count, rng)
        if values is not None:
            return self.flat(values)
        return self.points(count, rng)[0]


# What a problem may have beside its density; a sampler asks by these.


@runtime_checkable
class Exactly(Protocol):
    """Has independent draws by an exact method."""

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Groups of the tree by name; draws along ``sample``."""


@runtime_checkable
class HasMaximum(Protocol):
    """Has a search for its maximum."""

    def maximum(
        self, search: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """Groups of the tree by name; draws along ``sample``."""


@runtime_checkable
class HasLaplace(Protocol):
    """Has draws from the Gaussian about its maximum."""

    def laplace(
        self, settings: Any, rng: np.random.Generator, progress: bool
    ) -> dict[str, xr.Dataset]:
        """Groups of the tree by name; draws along ``sample``."""


@runtime_checkable
class HasGibbs(Protocol):
    """Has conditional posteriors that can be drawn by turns."""

    def gibbs(
        self, settings: Any, rng: np.random.Generator, report: Callable[[int], bool]
    ) -> xr.Dataset | None:
        """Draws (chain, draw, ...), or None when `report` stopped it in the warm-up."""


@runtime_checkable
class Batched(Protocol):
    """Has a kernel for many objects at once."""

    def batch(self, items: Any, sampler: Any, seed: int, stop: Any) -> list[dict[str, Any]] | None:
        """One row an object; None where this sampler or model has no such kernel."""
