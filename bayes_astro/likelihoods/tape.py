r"""Formulas as data: a list of operations that one kernel runs forwards, and backwards for the gradient.

Kernels and mean functions of light curves are written as formulas in Python. Traced once
(`processes.tracing`), a formula is a table of nodes, each the result of an operation on nodes before it;
a node is a number or an array, numbers spread over arrays. Values and adjoints of all nodes stand in one
array each. So every kernel, and a user's own, has a compiled likelihood with an exact gradient, and
nothing is compiled for it.

A row of the table is ``operation, a, b, c, length, place``: the operands are rows, the place is that of the
node's first value. Two operations refer to a list of integers instead: `TAKE` b is the start of the
positions to be taken from a, `SOLVE` a is the start of ``n, rows of the n x n matrix, rows of the right
side`` and solves the linear system.
"""

from __future__ import annotations

import math

import numpy as np

from bayes_astro.likelihoods.compiled import kernel

__all__ = ["BINARY", "COLUMNS", "UNARY", "backward", "forward"]

COLUMNS = 6
OPERATION, FIRST, SECOND, THIRD, LENGTH, PLACE = range(COLUMNS)

CONSTANT, INPUT, WHERE, SUM, TAKE, SOLVE = range(6)
ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, ARCTAN2, GREATER, GREATER_EQUAL, MAXIMUM = range(6, 15)
NEGATIVE, EXP, LOG, SQRT, SIN, COS, TAN, TANH, ABSOLUTE, EXPM1, LOG1P, ARCTAN, SQUARE = range(
    15, 28
)
BINARY = {
    "add": ADD, "subtract": SUBTRACT, "multiply": MULTIPLY, "divide": DIVIDE, "power": POWER,
    "arctan2": ARCTAN2, "greater": GREATER, "greater_equal": GREATER_EQUAL, "maximum": MAXIMUM,
}  # fmt: skip
UNARY = {
    "negative": NEGATIVE, "exp": EXP, "log": LOG, "sqrt": SQRT, "sin": SIN, "cos": COS, "tan": TAN,
    "tanh": TANH, "absolute": ABSOLUTE, "expm1": EXPM1, "log1p": LOG1P, "arctan": ARCTAN,
    "square": SQUARE,
}  # fmt: skip
"""Operations by the names of NumPy's functions."""


@kernel
def _apply(op, x, y, z):
    """One operation on numbers."""
    if op == ADD:
        return x + y
    if op == SUBTRACT:
        return x - y
    if op == MULTIPLY:
        return x * y
    if op == DIVIDE:
        return x / y
    if op == POWER:
        return x**y
    if op == ARCTAN2:
        return math.atan2(x, y)
    if op == GREATER:
        return 1.0 if x > y else 0.0
    if op == GREATER_EQUAL:
        return 1.0 if x >= y else 0.0
    if op == MAXIMUM:
        return max(x, y)
    if op == WHERE:
        return y if x != 0.0 else z
    if op == NEGATIVE:
        return -x
    if op == EXP:
        return math.exp(x)
    if op == LOG:
        return math.log(x) if x > 0.0 else (-np.inf if x == 0.0 else np.nan)
    if op == SQRT:
        return math.sqrt(x) if x >= 0.0 else np.nan
    if op == SIN:
        return math.sin(x)
    if op == COS:
        return math.cos(x)
    if op == TAN:
        return math.tan(x)
    if op == TANH:
        return math.tanh(x)
    if op == ABSOLUTE:
        return abs(x)
    if op == EXPM1:
        return math.expm1(x)
    if op == LOG1P:
        return math.log1p(x) if x > -1.0 else np.nan
    if op == ARCTAN:
        return math.atan(x)
    return x * x


@kernel
def _slopes(op, x, y, z, value):
    """Derivatives of one operation by its operands."""
    if op == ADD:
        return 1.0, 1.0, 0.0
    if op == SUBTRACT:
        return 1.0, -1.0, 0.0
    if op == MULTIPLY:
        return y, x, 0.0
    if op == DIVIDE:
        return 1.0 / y, -value / y, 0.0
    if op == POWER:
        return (
            (0.0 if y == 0.0 else y * x ** (y - 1.0)),
            (value * math.log(x) if x > 0.0 else 0.0),
            0.0,
        )
    if op == ARCTAN2:
        square = x * x + y * y
        return y / square, -x / square, 0.0
    if op == MAXIMUM:
        return (1.0, 0.0, 0.0) if x >= y else (0.0, 1.0, 0.0)
    if op == WHERE:
        return (0.0, 1.0, 0.0) if x != 0.0 else (0.0, 0.0, 1.0)
    if op == NEGATIVE:
        return -1.0, 0.0, 0.0
    if op == EXP:
        return value, 0.0, 0.0
    if op == LOG:
        return 1.0 / x, 0.0, 0.0
    if op == SQRT:
        return 0.5 / value, 0.0, 0.0
    if op == SIN:
        return math.cos(x), 0.0, 0.0
    if op == COS:
        return -math.sin(x), 0.0, 0.0
    if op == TAN:
        return 1.0 + value * value, 0.0, 0.0
    if op == TANH:
        return 1.0 - value * value, 0.0, 0.0
    if op == ABSOLUTE:
        return (1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)), 0.0, 0.0
    if op == EXPM1:
        return value + 1.0, 0.0, 0.0
    if op == LOG1P:
        return 1.0 / (1.0 + x), 0.0, 0.0
    if op == ARCTAN:
        return 1.0 / (1.0 + x * x), 0.0, 0.0
    if op == SQUARE:
        return 2.0 * x, 0.0, 0.0
    return 0.0, 0.0, 0.0


@kernel
def _step(program, row, length):
    """How far apart the values of an operand are: nothing where a number serves all."""
    return 0 if program[row, LENGTH] == 1 and length > 1 else 1


@kernel
def _eliminate(matrix, right):
    """Solve a small linear system in place, with pivots."""
    n = len(right)
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(n):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
            right[k], right[pivot] = right[pivot], right[k]
        for i in range(k + 1, n):
            share = matrix[i, k] / matrix[k, k]
            for j in range(k, n):
                matrix[i, j] -= share * matrix[k, j]
            right[i] -= share * right[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            right[k] -= matrix[k, j] * right[j]
        right[k] /= matrix[k, k]


@kernel
def forward(program, lists, values, work):
    """Fill `work`, whose constants are in their places, with the value of every node."""
    for r in range(program.shape[0]):
        op, length, at = program[r, OPERATION], program[r, LENGTH], program[r, PLACE]
        if op == CONSTANT:
            continue
        a = program[r, FIRST]
        if op == INPUT:
            for i in range(length):
                work[at + i] = values[a + i]
        elif op == SUM:
            total, start = 0.0, program[a, PLACE]
            for i in range(program[a, LENGTH]):
                total += work[start + i]
            work[at] = total
        elif op == TAKE:
            start = program[a, PLACE]
            for i in range(length):
                work[at + i] = work[start + lists[program[r, SECOND] + i]]
        elif op == SOLVE:
            matrix, right = np.empty((length, length)), np.empty(length)
            for i in range(length):
                for j in range(length):
                    matrix[i, j] = work[program[lists[a + 1 + i * length + j], PLACE]]
                right[i] = work[program[lists[a + 1 + length * length + i], PLACE]]
            _eliminate(matrix, right)
            for i in range(length):
                work[at + i] = right[i]
        else:
            b, c = program[r, SECOND], program[r, THIRD]
            x, y, z = program[a, PLACE], program[b, PLACE], program[c, PLACE]
            dx, dy, dz = (
                _step(program, a, length), _step(program, b, length), _step(program, c, length)
            )  # fmt: skip
            for i in range(length):
                work[at + i] = _apply(op, work[x + i * dx], work[y + i * dy], work[z + i * dz])


@kernel
def backward(program, lists, work, adjoint, gradient):
    """Carry adjoints of the nodes back, and add those of the inputs to `gradient`."""
    for r in range(program.shape[0] - 1, -1, -1):
        op, length, at = program[r, OPERATION], program[r, LENGTH], program[r, PLACE]
        if op == CONSTANT:
            continue
        a = program[r, FIRST]
        if op == INPUT:
            for i in range(length):
                gradient[a + i] += adjoint[at + i]
        elif op == SUM:
            start = program[a, PLACE]
            for i in range(program[a, LENGTH]):
                adjoint[start + i] += adjoint[at]
        elif op == TAKE:
            start = program[a, PLACE]
            for i in range(length):
                adjoint[start + lists[program[r, SECOND] + i]] += adjoint[at + i]
        elif op == SOLVE:
            matrix, right = np.empty((length, length)), np.empty(length)
            for i in range(length):
                for j in range(length):
                    matrix[j, i] = work[program[lists[a + 1 + i * length + j], PLACE]]
                right[i] = adjoint[at + i]
            _eliminate(matrix, right)
            for i in range(length):
                adjoint[program[lists[a + 1 + length * length + i], PLACE]] += right[i]
                for j in range(length):
                    place = program[lists[a + 1 + i * length + j], PLACE]
                    adjoint[place] -= right[i] * work[at + j]
        else:
            b, c = program[r, SECOND], program[r, THIRD]
            x, y, z = program[a, PLACE], program[b, PLACE], program[c, PLACE]
            dx, dy, dz = (
                _step(program, a, length), _step(program, b, length), _step(program, c, length)
            )  # fmt: skip
            for i in range(length):
                own = adjoint[at + i]
                if own != 0.0:
                    to_x, to_y, to_z = _slopes(
                        op, work[x + i * dx], work[y + i * dy], work[z + i * dz], work[at + i]
                    )
                    if to_x != 0.0:
                        adjoint[x + i * dx] += own * to_x
                    if to_y != 0.0:
                        adjoint[y + i * dy] += own * to_y
                    if to_z != 0.0:
                        adjoint[z + i * dz] += own * to_z
