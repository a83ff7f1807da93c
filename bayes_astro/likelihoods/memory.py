"""Arrays and functions by their addresses: how one compiled density serves every task.

A likelihood is compiled once for its task, a function

.. code-block:: text

    double likelihood(double *values, double *gradient, int64 *data, int64 wanted)

that reads parameters and data and, where `wanted`, fills the gradient. What it reads is told by a
list of integers, the *index*:

.. code-block:: text

    [number of values, length of the index, then of each array its address and three lengths]

so that data are never copied, and never part of machine code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from bayes_astro.likelihoods.compiled import Callback, kernel

__all__ = [
    "cube",
    "floats",
    "index_of",
    "likelihood",
    "matrix",
    "opened",
    "whole_matrix",
    "wholes",
]

SIGNATURE = types.float64(
    types.CPointer(types.float64),
    types.CPointer(types.float64),
    types.CPointer(types.int64),
    types.int64,
)


@intrinsic
def _floats_at(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def _wholes_at(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())

    return types.CPointer(types.int64)(types.int64), generate


@intrinsic
def call(
    typing_context: Any, address: Any, values: Any, gradient: Any, data: Any, wanted: Any
) -> Any:
    """Call the likelihood at an address; all arguments are integers, three of them addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, double = ir.IntType(64), ir.DoubleType()
        kinds = [double.as_pointer(), double.as_pointer(), whole.as_pointer()]
        pointers = [builder.inttoptr(a, k) for a, k in zip(arguments[1:4], kinds, strict=True)]
        kind = ir.FunctionType(double, [*kinds, whole])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.call(function, [*pointers, arguments[4]])

    return types.float64(*[types.int64] * 5), generate


@kernel(inline="always")
def floats_at(address, count):
    """The numbers (count,) at an address."""
    return carray(_floats_at(address), (count,))


@kernel(inline="always")
def wholes_at(address, count):
    """The integers (count,) at an address."""
    return carray(_wholes_at(address), (count,))


@kernel
def opened(values, gradient, data):
    """Values, gradient and index of a likelihood's arguments as arrays."""
    head = carray(data, (2,))
    return carray(values, (head[0],)), carray(gradient, (head[0],)), carray(data, (head[1],))


@kernel
def floats(index, k):
    """The k-th array of an index, flat."""
    at = 2 + 4 * k
    return carray(
        _floats_at(index[at]),
        (index[at + 1] * max(index[at + 2], 1) * max(index[at + 3], 1),),
    )


@kernel
def matrix(index, k):
    """The k-th array, of two axes."""
    at = 2 + 4 * k
    return carray(_floats_at(index[at]), (index[at + 1], index[at + 2]))


@kernel
def cube(index, k):
    """The k-th array, of three axes."""
    at = 2 + 4 * k
    return carray(_floats_at(index[at]), (index[at + 1], index[at + 2], index[at + 3]))


@kernel
def wholes(index, k):
    """The k-th array, of integers, flat."""
    at = 2 + 4 * k
    return carray(
        _wholes_at(index[at]),
        (index[at + 1] * max(index[at + 2], 1) * max(index[at + 3], 1),),
    )


@kernel
def whole_matrix(index, k):
    """The k-th array, of integers and two axes."""
    at = 2 + 4 * k
    return carray(_wholes_at(index[at]), (index[at + 1], index[at + 2]))


def likelihood(function: Callable | None = None, /, **options: Any) -> Any:
    """Declare a likelihood, compiled on first use: ``function(values, gradient, data, wanted)``.

    It begins with ``values, gradient, index = opened(values, gradient, data)`` and returns the log
    likelihood, minus infinity where there is none.
    """
    if function is None:
        return lambda given: likelihood(given, **options)
    return Callback(SIGNATURE, function, **options)


def index_of(values: int, arrays: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The index of arrays of numbers or integers, and the arrays that it points to.

    The second has to live as long as the first is used.
    """
    kept = []
    entries = [values, 2 + 4 * len(arrays)]
    for array in arrays:
        kind = np.int64 if np.asarray(array).dtype.kind in "iub" else np.float64
        own = np.ascontiguousarray(array, dtype=kind)
        kept.append(own)
        lengths = [1, 0, 0] if own.ndim == 0 else [*own.shape, *[0] * (3 - own.ndim)]
        entries += [own.ctypes.data, *lengths]
    return np.array(entries, dtype=np.int64), kept
