"""The likelihood of a Gaussian process in graphs of PyTensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from numba import njit
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes_astro.likelihoods.layout import Layout
from bayes_astro.likelihoods.ops import ValueAndGradient, version
from bayes_astro.likelihoods.semiseparable_passes import passes

__all__ = ["SemiseparableCoefficients", "SemiseparableDensity", "SemiseparableValue"]


class SemiseparableDensity(ValueAndGradient):
    """Log likelihood of `likelihoods.semiseparable` for one layout and number of coefficients.

    Parameters: residual, variance, u, v, power, rates, squares, lag; data: width, time, band, basis.
    """

    __props__ = ("layout", "columns")
    gufunc_signature = (
        "(n),(n),(b,j),(b,j),(b),(r),(s),(b),(p),(n),(n),(n,p)"
        "->(),(n),(n),(b,j),(b,j),(b),(r),(s),(b)"
    )
    parameters = 8
    kinds = ("float64",) * 10 + ("int64", "float64")

    def __init__(self, layout: Layout, columns: int) -> None:
        self.layout, self.columns = layout, columns

    @property
    def kernel(self) -> Any:  # type: ignore[override]
        """The compiled gradient of this layout."""
        return passes(self.layout, self.columns).gradient

    def without_gradient(self) -> Op:
        """The value alone takes a third of the time."""
        return SemiseparableValue(self.layout, self.columns)


@register_funcify_default_op_cache_key(SemiseparableDensity)
def _funcify_semiseparable(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = passes(op.layout, op.columns).gradient

    @njit
    def density(residual, variance, u, v, power, rates, squares, lag, width, time, band, basis):
        result = kernel(
            np.ascontiguousarray(residual),
            np.ascontiguousarray(variance),
            np.ascontiguousarray(u),
            np.ascontiguousarray(v),
            np.ascontiguousarray(power),
            np.ascontiguousarray(rates),
            np.ascontiguousarray(squares),
            np.ascontiguousarray(lag),
            np.ascontiguousarray(width),
            np.ascontiguousarray(time),
            np.ascontiguousarray(band),
            np.ascontiguousarray(basis),
        )
        return (
            np.asarray(result[0]),
            result[1],
            result[2],
            result[3],
            result[4],
            result[5],
            result[6],
            result[7],
            result[8],
        )

    return density, version()


class SemiseparableValue(Op):
    """The value of `SemiseparableDensity`, for emcee, which has no use for gradients."""

    __props__ = ("layout", "columns")
    gufunc_signature = SemiseparableDensity.gufunc_signature.partition("->")[0] + "->()"

    def __init__(self, layout: Layout, columns: int) -> None:
        self.layout, self.columns = layout, columns

    def make_node(self, *inputs: Any) -> Apply:
        """The inputs of `SemiseparableDensity`."""
        kinds = SemiseparableDensity.kinds
        tensors = [pt.as_tensor_variable(x, dtype=kind) for x, kind in zip(inputs, kinds)]
        return Apply(self, tensors, [pt.dscalar()])

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """A scalar."""
        return [()]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call the kernel."""
        kinds = SemiseparableDensity.kinds
        arguments = [np.ascontiguousarray(x, dtype=k) for x, k in zip(inputs, kinds)]
        output_storage[0][0] = np.asarray(passes(self.layout, self.columns).value(*arguments)[0])


@register_funcify_default_op_cache_key(SemiseparableValue)
def _funcify_value(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = passes(op.layout, op.columns).value

    @njit
    def density(residual, variance, u, v, power, rates, squares, lag, width, time, band, basis):
        value, _, _ = kernel(
            np.ascontiguousarray(residual),
            np.ascontiguousarray(variance),
            np.ascontiguousarray(u),
            np.ascontiguousarray(v),
            np.ascontiguousarray(power),
            np.ascontiguousarray(rates),
            np.ascontiguousarray(squares),
            np.ascontiguousarray(lag),
            np.ascontiguousarray(width),
            np.ascontiguousarray(time),
            np.ascontiguousarray(band),
            np.ascontiguousarray(basis),
        )
        return np.asarray(value)

    return density, version()


class SemiseparableCoefficients(Op):
    """Mean and a factor of the covariance of the coefficients given everything else.

    For draws only: it has no gradient.
    """

    __props__ = ("layout", "columns")

    def __init__(self, layout: Layout, columns: int) -> None:
        self.layout, self.columns = layout, columns

    def make_node(self, *inputs: Any) -> Apply:
        """The inputs of `SemiseparableDensity`."""
        kinds = SemiseparableDensity.kinds
        tensors = [pt.as_tensor_variable(x, dtype=kind) for x, kind in zip(inputs, kinds)]
        return Apply(self, tensors, [pt.dvector(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Call the kernel."""
        kinds = SemiseparableDensity.kinds
        arguments = [np.ascontiguousarray(x, dtype=k) for x, k in zip(inputs, kinds)]
        _, mean, covariance = passes(self.layout, self.columns).value(*arguments)
        output_storage[0][0], output_storage[1][0] = mean, np.linalg.cholesky(covariance)


@register_funcify_default_op_cache_key(SemiseparableCoefficients)
def _funcify_coefficients(op: Op, node: Apply, **kwargs: Any) -> Any:
    kernel = passes(op.layout, op.columns).value

    @njit
    def conditional(residual, variance, u, v, power, rates, squares, lag, width, time, band, basis):
        _, mean, covariance = kernel(
            np.ascontiguousarray(residual),
            np.ascontiguousarray(variance),
            np.ascontiguousarray(u),
            np.ascontiguousarray(v),
            np.ascontiguousarray(power),
            np.ascontiguousarray(rates),
            np.ascontiguousarray(squares),
            np.ascontiguousarray(lag),
            np.ascontiguousarray(width),
            np.ascontiguousarray(time),
            np.ascontiguousarray(band),
            np.ascontiguousarray(basis),
        )
        return mean, np.linalg.cholesky(covariance)

    return conditional, version()
