"""Containers come out of copies, pickles and other processes as they went in, equal and read-only."""

import copy
import pickle
import subprocess
import sys
from dataclasses import fields
from functools import partial

import numpy as np
import pytest
from samples import fields_of

import bayes_astro as ba
from bayes_astro.data.container import ReadOnly

NAN = np.nan
MAKERS = {
    "LightCurve": lambda: ba.LightCurve(
        [2.0, 1.0], [3.0, 0.0], [0.1, 0.2], ["r", "g"], value_unit="mag", name="star"
    ),
    "Measurements": lambda: ba.Measurements(
        [[1.0, NAN], [2.0, 3.0]], [[0.1, 0.1], [0.2, 0.0]], names=("x", "y"), weight=[1, 2]
    ),
    "Photometry": lambda: ba.Photometry([[1.0, NAN]], [[0.1, 1.0]], "gr", [NAN], unit="uJy"),
    "Counts": lambda: ba.Counts([3, 0], [1.0, 2.0], names=("a", "b"), background=0.5),
    "Events": lambda: ba.Events([1.0, 2.0], [[0, 3]], [0.5, 1.0]),
    "BinnedRedshifts": lambda: ba.BinnedRedshifts([[0.2, 0.8]], [0, 0.5, 1], [0.5, 0.5]),
    "DampingTimes": lambda: ba.DampingTimes([[1.0, 2]], [[0.0, 0]], [8.0], 0.2, ("a",)),
    "PairCounts": lambda: ba.PairCounts([1.0, 2], [2.0, 3], [0.5, 0.1], [0.1, 0.1], unit="Mpc"),
    "Spectra": lambda: ba.Spectra(
        [1.0, 2], [[1.0, NAN]], 0.1, [0.5], ["a"], unit="Jy", label=["QSO"]
    ),
    "Templates": lambda: ba.Templates([1.0, 2, 3], [[1.0, 2, 3]], ("a",)),
    "Filters": lambda: ba.Filters({"g": ([1.0, 2, 3], [0.0, 1, 0])}),
}
CHANGES = {
    "LightCurve": {"value": [3.0, 0.1]},
    "Measurements": {"value": [[1.0, NAN], [2.0, 3.5]]},
    "Photometry": {"redshift": [0.1]},
    "Counts": {"names": ("a", "c")},
    "Events": {"intervals": [[0, 4]]},
    "BinnedRedshifts": {"edges": [0, 0.4, 1]},
    "DampingTimes": {"objects": ("b",)},
    "PairCounts": {"estimate": [0.5, 0.2]},
    "Spectra": {"names": ["b"]},
}


def pickled(thing, protocol=5):
    return pickle.loads(pickle.dumps(thing, protocol))  # noqa: S301


def arrays_of(value):
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [x for item in value for x in arrays_of(item)] if isinstance(value, tuple) else []


def test_every_container_is_here():
    from bayes_astro.registry import CONTAINERS

    assert set(CONTAINERS) <= set(MAKERS)
    assert all(issubclass(row.load(), ReadOnly) for row in CONTAINERS.values())


@pytest.mark.parametrize("name", list(MAKERS))
@pytest.mark.parametrize(
    "through",
    [copy.copy, copy.deepcopy, *(partial(pickled, protocol=p) for p in (0, 2, 5))],
)
def test_copies_are_equal_and_read_only(name, through):
    one = MAKERS[name]()
    other = through(one)
    assert other == one and hash(other) == hash(one)
    if name != "Filters":
        assert fields_of(other) == fields_of(one)
    arrays = [x for f in fields(other) for x in arrays_of(getattr(other, f.name))]
    assert arrays
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array
    with pytest.raises(AttributeError):
        other.name = "new"


@pytest.mark.parametrize("name", list(MAKERS))
def test_equality(name):
    one, other = MAKERS[name](), MAKERS[name]()
    assert one is not other and one == other and len({one, other}) == 1
    for stranger in (None, 1, "a", object(), *(make() for k, make in MAKERS.items() if k != name)):
        assert one != stranger
    if name in CHANGES:
        assert one.replace(**CHANGES[name]) != one
        assert one.replace(source="elsewhere") != one
        assert len({one, one.replace(source="elsewhere"), one.replace(**CHANGES[name])}) == 3


def test_more_rows_and_other_order_are_not_equal():
    curve = MAKERS["LightCurve"]()
    assert curve[:1] != curve and curve.replace(band=None) != curve
    points = MAKERS["Measurements"]()
    assert points[::-1] != points and points[::-1][::-1] == points
    assert ba.LightCurve([1.0], [0.0], [1.0]) == ba.LightCurve([1.0], [-0.0], [1.0])
    assert hash(ba.LightCurve([1.0], [0.0], [1.0])) == hash(ba.LightCurve([1.0], [-0.0], [1.0]))


def test_a_hash_is_the_same_in_every_process():
    code = (
        "import bayes_astro as ba; "
        "print(hash(ba.LightCurve([2.0, 1.0], [3.0, 0.0], [0.1, 0.2], ['r', 'g'], "
        "value_unit='mag', name='star')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == hash(MAKERS["LightCurve"]())


def test_a_saved_fit_gives_the_same_container(tmp_path):
    curve = ba.LightCurve(np.arange(20.0), np.sin(np.arange(20.0)), 0.1, source="here")
    model = ba.Periodogram(period=(2, 20)).fit(curve, ba.Exact(draws=100), seed=1, progress=False)
    model.save(tmp_path / "fit.nc")
    assert model.data == curve == ba.open(tmp_path / "fit.nc").data
    assert pickled(model).data == curve
