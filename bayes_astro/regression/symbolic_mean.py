"""A mean function in PyTensor: its own expression, or a node that calls it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from bayes_astro.regression.mean_values import MeanValues

__all__ = ["symbolic"]


class Called(Op):
    """A mean function in NumPy: parameters to the values of all rows."""

    def __init__(self, mean: MeanValues) -> None:
        self.mean = mean

    def make_node(self, *inputs: Any) -> Apply:
        """Numbers in, a vector out."""
        return Apply(self, [pt.as_tensor_variable(x) for x in inputs], [pt.dvector()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call it."""
        output_storage[0][0] = np.array(self.mean.value(np.array(inputs, dtype=float)))

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """One value a row."""
        return [(self.mean.rows,)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """By the function's slopes."""
        slopes = Pulled(self.mean)(*inputs, cotangents[0])
        return [slopes[i] for i in range(len(inputs))]


class Pulled(Op):
    """Slopes of a mean function, carried back to its parameters."""

    def __init__(self, mean: MeanValues) -> None:
        self.mean = mean

    def make_node(self, *inputs: Any) -> Apply:
        """Parameters and a vector in, a slope for each parameter out."""
        return Apply(self, [pt.as_tensor_variable(x) for x in inputs], [pt.dvector()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call them."""
        _, pull = self.mean.both(np.array(inputs[:-1], dtype=float))
        output_storage[0][0] = np.array(pull(inputs[-1]))

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """One slope a parameter."""
        return [(len(self.mean.names),)]


def symbolic(mean: MeanValues, values: dict[str, Any]) -> Any:
    """The mean at symbolic parameters, (n,)."""
    wanted = {name: values[name] for name in mean.names}
    try:
        found = mean.mean.evaluate(mean.at, wanted | mean.fixed)
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        found = None
    if isinstance(found, pt.TensorVariable):
        return found + np.zeros(mean.rows)
    return Called(mean)(*wanted.values())
