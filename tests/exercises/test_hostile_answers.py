"""Whatever is handed in, what comes back is a verdict or a sentence that says what is accepted."""

import collections
import datetime
import decimal
import fractions
import itertools
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from astropy import units as u

from bayes_astro.exercises import check
from bayes_astro.exercises.floats import MOST, floats
from bayes_astro.exercises.library import exercise


class Raises:
    """An array that is none."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *_, **__):
        raise self.error


class Gives:
    def __init__(self, made):
        self.made = made

    def __array__(self, *_, **__):
        return self.made


class Endless:
    """A sequence by its methods; none of them may be called."""

    def __len__(self):
        return 10**15

    def __iter__(self):
        return itertools.repeat(self)

    def __getitem__(self, _):
        return self


class EndlessList(list):
    def __len__(self):
        return 10**15

    def __iter__(self):
        return itertools.count()


class EndlessMapping(Mapping):
    def __len__(self):
        return 10**15

    def __iter__(self):
        return itertools.count()

    def __getitem__(self, _):
        return 1.0


class NoFloat:
    def __float__(self):
        raise ZeroDivisionError


class NoName:
    """A class of another name to those who ask the object; its attributes cannot be had."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError

    def __hash__(self):
        return 1

    def __eq__(self, _):
        raise RuntimeError


class FalseFloat(float):
    def __float__(self):
        raise OSError


def itself():
    one = []
    one.append(one)
    return one


def of_itself():
    one = {}
    one["velocity"] = one
    return one


def nested(depth):
    one = 1.0
    for _ in range(depth):
        one = [one]
    return one


HOSTILE = {
    "text": "33.6",
    "bytes": b"33.6",
    "texts": ["33.6", "0.2"],
    "array of texts": np.array(["33.6", "0.2"]),
    "array of bytes": np.array([b"33.6"]),
    "nan": np.nan,
    "infinite": [33.6, np.inf] * 300,
    "complex": 33.6 + 0.1j,
    "complex draws": np.full(500, 33.6 + 0.1j),
    "objects": np.array([33.6, 0.2], dtype=object),
    "objects of anything": np.array([NoFloat(), "a"], dtype=object),
    "structured": np.zeros(3, dtype=[("a", float)]),
    "dates": np.array(["2026-01-01"] * 500, dtype="datetime64[D]"),
    "a date": datetime.date(2026, 1, 1),
    "lags": np.arange(500).astype("timedelta64[s]"),
    "a time": pd.Timestamp("2026-01-01"),
    "masked": np.ma.array(np.linspace(33, 34, 500), mask=[True] + [False] * 499),
    "huge": np.broadcast_to(0.0, 100_000_000),
    "huge of another type": np.broadcast_to(np.float32(0.0), (1, 100_000_000)),
    "huge quantity": np.broadcast_to(1.0 * u.m / u.s, 100_000_000, subok=True),
    "huge in a list": [np.broadcast_to(0.0, 9_000_000)] * 100,
    "huge by __array__": Gives(np.broadcast_to(0.0, 100_000_000)),
    "array raises ValueError": Raises(ValueError("a")),
    "array raises TypeError": Raises(TypeError("a")),
    "array raises SystemExit": Raises(SystemExit(3)),
    "array raises StopIteration": Raises(StopIteration()),
    "array raises RecursionError": Raises(RecursionError()),
    "array raises MemoryError": Raises(MemoryError()),
    "array raises an error of ours": Raises(BaseException("a")),
    "array gives text": Gives("nonsense"),
    "array gives itself": Gives(Gives(3)),
    "array gives None": Gives(None),
    "array gives objects": Gives(np.array([object()])),
    "endless": Endless(),
    "endless in a list": [Endless(), Endless()],
    "endless list": EndlessList(),
    "endless generator": itertools.count(),
    "endless mapping": EndlessMapping(),
    "no float": NoFloat(),
    "false float": FalseFloat(1),
    "no attributes": NoName(),
    "no attributes in a list": [NoName(), 1.0],
    "key without a name": {NoName(): 33.6},
    "keys of all kinds": {1: 2.0, None: 3.0},
    "nested mapping": {"velocity": {"velocity": {"velocity": 33.6}}},
    "set": {33.6, 0.2},
    "recursive list": itself(),
    "recursive mapping": of_itself(),
    "deeply nested": nested(300),
    "ragged": [[33.6, 0.2], [33.6]],
    "lists of nothing": [[], []],
    "too large an integer": 10**400,
    "too large to square": [1e308, -1e308] * 500,
    "too small to square": [5e-324, 0.0] * 500,
    "no sd": (33.6, 0.0),
    "negative sd": (33.6, -1.0),
    "a blank in a pair": (33.6, ...),
    "a type": float,
    "a function": len,
    "a namespace": SimpleNamespace(velocity=33.6),
    "frame": pd.DataFrame({"velocity": [33.6, 33.7]}),
    "series of texts": pd.Series(["a", "b"]),
    "dates by name": {"velocity": pd.Series(pd.date_range("2026", periods=500))},
    "dataset of texts": xr.Dataset({"velocity": ("draw", ["a"] * 500)}),
    "another unit": 3.0 * u.mag,
    "quantities of two units": [33.6 * u.km / u.s, 1.0 * u.s],
}


@pytest.mark.parametrize("id, name", [("5.1", "velocity"), ("5.3", "star")])
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_answer_is_refused_in_a_sentence(kind, id, name):
    answer = HOSTILE[kind]
    asked = exercise(id).quantities
    for given in (answer, {**dict.fromkeys(asked, (1.0, 0.1)), name: answer}):
        with pytest.raises(ValueError) as refusal:
            check(id, given)
        text = str(refusal.value)
        assert text.startswith(f"Exercise {id}: ")
        assert text.endswith(f"Accepted: {exercise(id).accepts}")
        assert "\n" not in text.removesuffix(exercise(id).accepts)
        assert len(text) < 700
        assert refusal.value.__cause__ is None
        assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    "answer",
    [
        (1e300, 1e300),
        (1e-300, 1e-300),
        (5e-324, 5e-324),
        (-1.7e308, 1.7e308),
        1e308,
        True,
        [0, 1] * 400,
        np.int8(3),
        np.float16(3),
        np.longdouble(33),
    ],
)
def test_numbers_of_any_size_are_judged(answer):
    verdict = check("5.1", answer)
    assert verdict.state == "incorrect"
    assert len(verdict.table) and repr(verdict) and verdict._repr_html_()


def test_numbers_of_every_kind_are_read():
    pair = [33.63, 0.16]
    kinds = [
        tuple(pair),
        collections.namedtuple("Pair", "mean sd")(*pair),
        np.array(pair),
        np.ma.array(pair),
        pd.Series(pair),
        xr.DataArray(pair),
        [np.float64(33.63), np.float64(0.16)],
        [xr.DataArray(33.63), 0.16],
        [decimal.Decimal("33.63"), fractions.Fraction(16, 100)],
        pair * u.km / u.s,
        [33.63 * u.km / u.s, 160 * u.m / u.s],
        Gives(np.array(pair)),
        {"velocity": pair},
        collections.OrderedDict(velocity=pair),
        xr.Dataset({"velocity": ("draw", pair)}),
    ]
    for answer in kinds:
        assert check("5.1", answer), type(answer)


def test_as_many_values_as_are_read_take_no_more_memory_than_their_own():
    np.testing.assert_array_equal(floats(np.arange(4.0)), np.arange(4.0))
    given = np.broadcast_to(1.0, MOST)
    assert floats(given).base is not None or floats(given) is given


def test_ctrl_c_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        check("5.1", Raises(KeyboardInterrupt()))
