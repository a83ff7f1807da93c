"""The kernels as PyTensor Ops: one node in the graph, value and gradient in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from numba import njit
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes_astro.likelihoods import linear_relation

__all__ = ["LinearRelationDensity"]


class LinearRelationDensity(Op):
    """Log likelihood of `likelihoods.linear_relation`, with its gradient.

    Inputs are the eight parameters and the two data arrays of `value_and_gradient`; outputs the
    value and one gradient for each parameter. The signature lets PyTensor run it over a batch of
    parameters, which is how emcee moves all walkers at once.
    """

    __props__ = ()
    gufunc_signature = "(),(p),(),(p),(p,p),(),(),(),(n,d),(n,d,d)->(),(),(p),(),(p),(p,p),(),(),()"
    parameters = 8

    def make_node(self, *inputs: Any) -> Apply:
        """Scalars, vectors and matrices of float64."""
        tensors = [pt.as_tensor_variable(x, dtype="float64") for x in inputs]
        outputs = [pt.dscalar(), *(x.type() for x in tensors[: self.parameters])]
        return Apply(self, tensors, outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call the kernel (PyTensor's fallback; the numba backend takes `_funcify`)."""
        arguments = [
            float(x) if np.ndim(x) == 0 else np.ascontiguousarray(x, dtype=float) for x in inputs
        ]
        for storage, result in zip(
            output_storage, linear_relation.value_and_gradient(*arguments), strict=True
        ):
            storage[0] = np.asarray(result)

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """A scalar, then the shapes of the parameters."""
        return [(), *shapes[: self.parameters]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the value depends on the parameters; no second derivatives."""
        return [[i < self.parameters] + [False] * self.parameters for i in range(len(node.inputs))]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The gradients are outputs already."""
        if any(not isinstance(c.type, DisconnectedType) for c in cotangents[1:]):
            raise NotImplementedError("LinearRelationDensity has no second derivatives.")
        gradients = [cotangents[0] * outputs[i + 1] for i in range(self.parameters)]
        return gradients + [disconnected_type() for _ in inputs[self.parameters :]]


@register_funcify_default_op_cache_key(LinearRelationDensity)
def _funcify(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = linear_relation.value_and_gradient

    @njit
    def density(c, b, s, mu, chol, f, oc, os, value, covariance):
        # 0-d arrays become floats: the kernel is compiled once, for one set of types.
        result = kernel(
            c.item(),
            np.ascontiguousarray(b),
            s.item(),
            np.ascontiguousarray(mu),
            np.ascontiguousarray(chol),
            f.item(),
            oc.item(),
            os.item(),
            np.ascontiguousarray(value),
            np.ascontiguousarray(covariance),
        )
        return (
            np.asarray(result[0]),
            np.asarray(result[1]),
            result[2],
            np.asarray(result[3]),
            result[4],
            result[5],
            np.asarray(result[6]),
            np.asarray(result[7]),
            np.asarray(result[8]),
        )

    return density, 1
