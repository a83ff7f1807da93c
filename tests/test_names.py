"""Errors about unknown names, and units that are safe to parse."""

import pytest

from bayes_astro.names import is_absurd_unit, nearest


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("slop", ["slope", "scatter"], " Did you mean 'slope'? Known: slope, scatter."),
        ("MAG", ["mjd", "mag"], " Did you mean 'mag'? Known: mjd, mag."),
        ("xyz", ["mjd", "mag"], " Known: mjd, mag."),
        (3, [1, 2], " Known: 1, 2."),
        ("a", [], " Known: none."),
    ],
)
def test_nearest(name, known, end):
    assert nearest(name, known) == end


def test_of_many_known_names_some_are_listed():
    known = [f"column {i}" for i in range(1000)]
    end = nearest("colum 777", known)
    assert end.startswith(" Did you mean 'column 777'?")
    assert end.endswith("column 49, ...")


def test_an_endless_name_is_not_compared_in_full():
    assert len(nearest("slope" * 100_000, ["slope", "slopes" * 20])) < 300


@pytest.mark.parametrize("unit", ["10**999999999 K", "10+999999999 K", "10 ^ (9999) m"])
def test_absurd_units(unit):
    assert is_absurd_unit(unit)


@pytest.mark.parametrize("unit", ["1e-20 W / m2", "10**-16 erg / (s cm2)", "10 km", "mag"])
def test_units_with_ordinary_powers(unit):
    assert not is_absurd_unit(unit)
