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

from bayes_astro.likelihoods import bin_fractions as population
from bayes_astro.likelihoods import (
    inverse_wishart,
    matern_differences,
    mixture,
    relation_components,
    template_fit,
)
from bayes_astro.likelihoods.compiled import source_hash

__all__ = [
    "InverseWishartTrace",
    "MaternDifferencesDensity",
    "MixtureDensity",
    "PopulationDensity",
    "RelationDensity",
    "TemplateTableDensity",
]


def version() -> int:
    """Of the kernels: PyTensor's cache on disk serves machine code by it."""
    return int(source_hash()[:15], 16)


class ValueAndGradient(Op):
    """A scalar function whose kernel returns its gradient with it.

    Outputs are the value and one gradient for each of the first `parameters` inputs, in their
    shapes; further inputs are data.
    """

    __props__: tuple[str, ...] = ()
    parameters: int
    kernel: Any
    kinds: tuple[str, ...]

    def make_node(self, *inputs: Any) -> Apply:
        """Inputs of the dtypes that the kernel takes."""
        tensors = [
            pt.as_tensor_variable(x, dtype=kind) for x, kind in zip(inputs, self.kinds, strict=True)
        ]
        outputs = [pt.dscalar(), *(x.type() for x in tensors[: self.parameters])]
        return Apply(self, tensors, outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call the kernel (PyTensor's fallback; the numba backend takes the functions below)."""
        arguments = [
            x.item() if np.ndim(x) == 0 else np.ascontiguousarray(x, dtype=kind)
            for x, kind in zip(inputs, self.kinds, strict=True)
        ]
        results = self.kernel(*arguments)
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = np.asarray(result)

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """A scalar, then the shapes of the parameters."""
        return [(), *shapes[: self.parameters]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the value depends on the parameters; no second derivatives."""
        return [[i < self.parameters] + [False] * self.parameters for i in range(len(node.inputs))]

    def without_gradient(self) -> Op | None:
        """An Op for the value alone, where that is cheaper; its inputs are the same."""
        return None

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The gradients are outputs already."""
        if any(not isinstance(c.type, DisconnectedType) for c in cotangents[1:]):
            raise NotImplementedError(f"{type(self).__name__} has no second derivatives.")
        gradients = [cotangents[0] * outputs[i + 1] for i in range(self.parameters)]
        return gradients + [disconnected_type() for _ in inputs[self.parameters :]]


class RelationDensity(ValueAndGradient):
    """Log likelihood of `likelihoods.relation_components`: components' log weights, means, covariances;
    parts of rows, their errors, kinds, starts and shares, columns of true values; weights; the selection."""

    gufunc_signature = (
        "(c),(c,d),(c,d,d),(p,f),(p,f,f),(p,f),(s),(p),(e),(n),(m),(m),(b)->(),(c),(c,d),(c,d,d)"
    )
    parameters = 3
    kernel = staticmethod(relation_components.components)
    kinds = (*("float64",) * 5, "int64", "int64", "float64", "int64", *("float64",) * 4)


@register_funcify_default_op_cache_key(RelationDensity)
def _funcify(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = relation_components.components

    @njit
    def density(
        w, m, s, value, covariance, kind, start, share, copies, weight, noise, count, bounds
    ):
        result = kernel(
            np.ascontiguousarray(w), np.ascontiguousarray(m), np.ascontiguousarray(s),
            np.ascontiguousarray(value), np.ascontiguousarray(covariance),
            np.ascontiguousarray(kind), np.ascontiguousarray(start), np.ascontiguousarray(share),
            np.ascontiguousarray(copies), np.ascontiguousarray(weight),
            np.ascontiguousarray(noise), np.ascontiguousarray(count),
            np.ascontiguousarray(bounds),
        )  # fmt: skip
        return np.asarray(result[0]), result[1], result[2], result[3]

    return density, version()


class MixtureDensity(ValueAndGradient):
    """Log likelihood of `likelihoods.mixture`: weights, means, covariances, background; blocks."""

    gufunc_signature = "(k),(k,d),(k,d,d),(),(t),(b,f),(p,c)->(),(k),(k,d),(k,d,d),()"
    parameters = 4
    kernel = staticmethod(mixture.value_and_gradient)
    kinds = ("float64",) * 5 + ("int64",) * 2


@register_funcify_default_op_cache_key(MixtureDensity)
def _funcify_mixture(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = mixture.value_and_gradient

    @njit
    def density(weight, mean, covariance, background, table, blocks, columns):
        result = kernel(
            np.ascontiguousarray(weight),
            np.ascontiguousarray(mean),
            np.ascontiguousarray(covariance),
            background.item(),
            np.ascontiguousarray(table),
            np.ascontiguousarray(blocks),
            np.ascontiguousarray(columns),
        )
        return np.asarray(result[0]), result[1], result[2], result[3], np.asarray(result[4])

    return density, version()


class InverseWishartTrace(ValueAndGradient):
    """-1/2 sum_k tr(scale V_k^-1) of Cholesky factors, `likelihoods.inverse_wishart`."""

    gufunc_signature = "(k,d,d),(d,d)->(),(k,d,d)"
    parameters = 1
    kernel = staticmethod(inverse_wishart.value_and_gradient)
    kinds = ("float64",) * 2


@register_funcify_default_op_cache_key(InverseWishartTrace)
def _funcify_trace(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = inverse_wishart.value_and_gradient

    @njit
    def density(factor, scale):
        value, gradient = kernel(np.ascontiguousarray(factor), np.ascontiguousarray(scale))
        return np.asarray(value), gradient

    return density, version()


class MaternDifferencesDensity(ValueAndGradient):
    """Log density of `likelihoods.matern_differences`: differences, amplitude, length; points."""

    gufunc_signature = "(d),(),(),(j)->(),(d),(),()"
    parameters = 3
    kernel = staticmethod(matern_differences.value_and_gradient)
    kinds = ("float64",) * 4


@register_funcify_default_op_cache_key(MaternDifferencesDensity)
def _funcify_matern(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = matern_differences.value_and_gradient

    @njit
    def density(x, amplitude, length, z):
        value, to_x, to_amplitude, to_length = kernel(
            np.ascontiguousarray(x), amplitude.item(), length.item(), np.ascontiguousarray(z)
        )
        return np.asarray(value), to_x, np.asarray(to_amplitude), np.asarray(to_length)

    return density, version()


class PopulationDensity(ValueAndGradient):
    """Log likelihood of `likelihoods.population`: fractions of the bins; likelihoods of objects."""

    gufunc_signature = "(j),(n,j)->(),(j)"
    parameters = 1
    kernel = staticmethod(population.value_and_gradient)
    kinds = ("float64",) * 2


@register_funcify_default_op_cache_key(PopulationDensity)
def _funcify_population(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = population.value_and_gradient

    @njit
    def density(fraction, ratio):
        value, gradient = kernel(np.ascontiguousarray(fraction), np.ascontiguousarray(ratio))
        return np.asarray(value), gradient

    return density, version()


class TemplateTableDensity(ValueAndGradient):
    """Log likelihood of a table of probabilities: rows of the table; likelihoods of objects; rows."""

    gufunc_signature = "(m,j),(n,j),(n)->(),(m,j)"
    parameters = 1
    kernel = staticmethod(template_fit.table_value_and_gradient)
    kinds = ("float64", "float64", "int32")


@register_funcify_default_op_cache_key(TemplateTableDensity)
def _funcify_template_table(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = template_fit.table_value_and_gradient

    @njit
    def density(table, ratio, which):
        value, gradient = kernel(
            np.ascontiguousarray(table), np.ascontiguousarray(ratio), np.ascontiguousarray(which)
        )
        return np.asarray(value), gradient

    return density, version()
