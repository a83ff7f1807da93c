"""Values of a mean function at the rows of a table, and its slopes carried back to its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.processes.tracing import NotFollowed, Tape

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NOISE", "MeanValues", "curves", "each_curve", "evaluated"]

NOISE = ("scatter", "degrees_of_freedom", "predictor_mean", "predictor_width")
"""Parameters of a relation that its mean function has not."""

DIFFERENCE = 1e-5
SAME = 1e-9  # relative difference of a traced formula from itself
LOOKS = 3  # draws of the prior at which the two are compared


def evaluated(mean: Any, at: Mapping[str, np.ndarray], parameters: dict[str, Any]) -> np.ndarray:
    """A mean function at rows (n,); ValueError for what is no array of their number."""
    with np.errstate(all="ignore"):
        found = np.asarray(mean.evaluate(at, parameters), dtype=float)
    rows = len(next(iter(at.values())))
    if found.shape not in ((), (1,), (rows,)):
        raise ValueError(
            f"{type(mean).__name__}.evaluate gave an array of shape {found.shape}; expected ({rows},), a "
            "value for each row."
        )
    return np.broadcast_to(found, (rows,))


def curves(model: Any, draws: xr.Dataset, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The mean function at predictors: (s, m)."""
    return np.array(list(each_curve(model, draws, columns)))


def each_curve(
    model: Any, draws: xr.Dataset, columns: Mapping[str, np.ndarray]
) -> Iterator[np.ndarray]:
    """The same, draw by draw (m,); a column (s, m) has values of its own for each."""
    fixed = getattr(model, "fixed", None) or {}
    scalars = [str(n) for n in draws.data_vars if draws[n].ndim == 2 and n not in NOISE]
    table = np.empty((draws.sizes["chain"] * draws.sizes["draw"], len(scalars)))
    for j, name in enumerate(scalars):
        table[:, j] = np.ravel(draws[name].values)
    for s, values in enumerate(table):
        named = dict(zip(scalars, map(float, values), strict=True)) | fixed
        at = {name: column[s] if column.ndim == 2 else column for name, column in columns.items()}
        yield evaluated(model.mean, at, named)


class MeanValues:
    """A mean function of `names` at the predictors `at`, ready to be called often.

    Slopes are the function's own (``value_and_gradient`` or ``gradient``); otherwise the formula is
    followed once (`processes.tracing`) and carried back by compiled code; a formula that cannot be
    followed is differentiated by differences.

    Parameters
    ----------
    mean : object
    at : mapping of str to array (n,)
    priors : dict of str to Prior
        Of its parameters, in the order of `values`; a followed formula is compared with the function
        itself at draws from them.
    fixed : mapping of str to float, optional
        Parameters that have one value.
    """

    def __init__(
        self,
        mean: Any,
        at: Mapping[str, np.ndarray],
        priors: dict[str, Any],
        fixed: Mapping[str, float] | None = None,
    ) -> None:
        self.mean, self.at, self.names = mean, at, list(priors)
        self.fixed = {name: float(value) for name, value in (fixed or {}).items()}
        self.rows = len(next(iter(at.values())))
        self.tape: tuple[Any, ...] | None = None
        if not (hasattr(mean, "gradient") or hasattr(mean, "value_and_gradient")):
            self.tape = self._followed(priors)

    def named(self, values: np.ndarray) -> dict[str, float]:
        """Parameters by name."""
        return dict(zip(self.names, map(float, values), strict=True)) | self.fixed

    def value(self, values: np.ndarray) -> np.ndarray:
        """(n,) at parameters (p,)."""
        return evaluated(self.mean, self.at, self.named(values))

    def both(self, values: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Values (n,), and what makes slopes (p,) of sum(toward * value) from `toward` (n,)."""
        named = self.named(values)
        if hasattr(self.mean, "value_and_gradient"):
            with np.errstate(all="ignore"):
                value, slopes = self.mean.value_and_gradient(self.at, named)
            return value, lambda toward: self._stacked(slopes) @ toward
        if hasattr(self.mean, "gradient"):
            with np.errstate(all="ignore"):
                slopes = self.mean.gradient(self.at, named)
            return self.value(values), lambda toward: self._stacked(slopes) @ toward
        if self.tape is not None:
            work, value = self._forward(self.tape, values)
            return value, lambda toward: self._backward(work, toward)
        return self.value(values), lambda toward: self._differences(values) @ toward

    def slopes(self, values: np.ndarray) -> np.ndarray:
        """Slopes (n, p) with every parameter: the function's own, or differences."""
        named = self.named(values)
        with np.errstate(all="ignore"):
            if hasattr(self.mean, "gradient"):
                return self._stacked(self.mean.gradient(self.at, named)).T
            return self._differences(values).T

    def columns(self, linear: Sequence[str], values: np.ndarray) -> np.ndarray:
        """Slopes (n, k) with parameters in which the function is linear."""
        flat = np.array(values, dtype=float)
        places = [self.names.index(name) for name in linear]
        flat[places] = 0.0
        bare, found = self.value(flat), np.empty((self.rows, len(places)))
        for column, place in zip(found.T, places, strict=True):
            flat[place] = 1.0
            column[:] = self.value(flat) - bare
            flat[place] = 0.0
        return found

    def _stacked(self, slopes: Mapping[str, Any]) -> np.ndarray:
        missing = [name for name in self.names if name not in slopes]
        if missing:
            raise ValueError(
                f"{type(self.mean).__name__}.gradient has no {missing[0]!r}: it must give a slope (n,) for "
                "each parameter."
            )
        found = np.empty((len(self.names), self.rows))
        for row, name in zip(found, self.names, strict=True):
            row[:] = slopes[name]
        return found

    def _differences(self, values: np.ndarray) -> np.ndarray:
        found = np.empty((len(values), self.rows))
        for i, value in enumerate(values):
            step = np.zeros(len(values))
            step[i] = DIFFERENCE * max(1.0, abs(value))
            found[i] = (self.value(values + step) - self.value(values - step)) / (2 * step[i])
        return found

    # The formula, followed once ---------------------------------------------------------------

    def _followed(self, priors: dict[str, Any]) -> tuple[Any, ...] | None:
        """Program, lists, constants, place of the result; None where it cannot be followed."""
        tape = Tape()
        inputs = {name: tape.input(i) for i, name in enumerate(self.names)}
        try:
            node = tape.traced(self.mean.evaluate(self.at, inputs | self.fixed))
        except (NotFollowed, TypeError, ValueError, AttributeError):
            return None
        if node.length not in (1, self.rows):
            return None
        found = (*tape.table(), node.at)
        rng = np.random.default_rng(5)
        for _ in range(LOOKS):
            values = np.array([float(np.ravel(p.sample(rng, (1,)))[0]) for p in priors.values()])
            own, expected = self._forward(found, values)[1], self.value(values)
            with np.errstate(all="ignore"):
                if not np.all(np.abs(own - expected) <= SAME * (1 + np.abs(expected))):
                    return None
        return found

    def _forward(self, found: tuple[Any, ...], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from bayes_astro.likelihoods import tape

        program, lists, work, node = found
        out = work.copy()
        tape.forward(program, lists, np.ascontiguousarray(values, dtype=float), out)
        start, length = program[node, tape.PLACE], program[node, tape.LENGTH]
        return out, np.broadcast_to(out[start : start + length], (self.rows,))

    def _backward(self, work: np.ndarray, toward: np.ndarray) -> np.ndarray:
        from bayes_astro.likelihoods import tape

        assert self.tape is not None
        program, lists, _, node = self.tape
        adjoint, gradient = np.zeros(len(work)), np.zeros(len(self.names))
        start, length = program[node, tape.PLACE], program[node, tape.LENGTH]
        adjoint[start : start + length] = toward if length > 1 else np.sum(toward)
        tape.backward(program, lists, work, adjoint, gradient)
        return gradient
