"""Numbers that stand for what was not measured are refused by name; real data pass."""

import numpy as np
import pandas as pd
import pytest

import bayes_astro as ba
from bayes_astro.data import DataError, Photometry

RNG = np.random.default_rng(4)
GALAXIES = RNG.normal(21.0, 1.3, (200, 2)).round(3)


def magnitudes(changes, error=0.1, **options):
    """Two hundred galaxies, some entries of the band r changed."""
    value = GALAXIES.copy()
    for row, number in changes.items():
        value[row, 1] = number
    return Photometry.from_magnitudes(value, error, ("g", "r"), **options)


@pytest.mark.parametrize("mark", [0.0, -9.99, -1.0, 9.99, 30.0, 40.0])
@pytest.mark.parametrize("rows", [(7,), (7, 9, 11, 50)])
def test_a_mark_is_named_with_its_number_and_remedy(mark, rows):
    changes = dict.fromkeys(rows, mark)
    times = "once" if len(rows) == 1 else "4 times"
    message = rf"r: {mark!r} is there {times}, .* \(first in row 7\).*missing={mark!r} or non_det"
    with pytest.raises(DataError, match=message.replace(".", r"\.").replace(r"\.*", ".*")):
        magnitudes(changes)
    declared = magnitudes(changes, missing=mark)
    assert np.flatnonzero(declared.missing[:, 1]).tolist() == list(rows)
    assert not declared.missing[:, 0].any()
    seen = magnitudes(changes, non_detection=mark, limit=27.0)
    assert (seen.flux[list(rows), 1] == 0).all()
    as_it_is = magnitudes(changes, missing=())
    assert as_it_is.flux[7, 1] == pytest.approx(3631e6 * 10 ** (-0.4 * mark))
    nan = magnitudes(dict.fromkeys(rows, np.nan))
    assert np.array_equal(nan.flux, declared.flux, equal_nan=True)


def test_a_limit_that_many_share_is_a_mark():
    with pytest.raises(DataError, match=r"r: 27\.31 is there 5 times, .* mag from all others"):
        magnitudes(dict.fromkeys(range(5), 27.31))
    assert magnitudes({0: 27.31, 1: 27.31}).missing.sum() == 0  # two may agree by chance


def test_an_error_that_is_the_magnitude_again():
    error = np.full((200, 2), 0.1)
    error[[3, 8], 1] = 22.5
    with pytest.raises(
        DataError, match=r"r: 22\.5 is there 2 times, with an error of the same num"
    ):
        magnitudes({3: 22.5, 8: 22.5}, error)
    assert magnitudes({3: 22.5, 8: 22.5}, error, missing=22.5).missing.sum() == 2
    small = np.array([[0.05, 0.3], [0.1, 0.2], [0.15, 0.4]])
    assert Photometry.from_magnitudes(small, small, "gr").missing.sum() == 0


def test_a_mark_left_over_beside_declared_ones():
    with pytest.raises(DataError, match=r"r: 0\.0 is there once"):
        magnitudes({0: -99.0, 1: 0.0}, missing=-99.0)
    assert magnitudes({0: -99.0, 1: 0.0}, missing=(-99.0, 0.0)).missing.sum() == 2


def test_readers_say_it_too():
    frame = pd.DataFrame(GALAXIES, columns=["g", "r"])
    frame.loc[5, "r"] = 0.0
    given = {"magnitude": ("g", "r"), "error": (0.1, 0.1)}
    with pytest.raises(DataError, match=r"r: 0\.0 is there once, .*row 5.*missing=0\.0"):
        Photometry.read(frame, **given)
    assert Photometry.read(frame, **given, missing=0.0).missing.sum() == 1


@pytest.mark.parametrize(
    "value",
    [
        RNG.normal(0.5, 1.0, 300).round(2),  # bright stars: 0.0 is a magnitude
        RNG.uniform(-12, -3, 300).round(2),  # instrumental magnitudes
        -RNG.exponential(2.0, 300).round(2) + 22.5,  # cut at a limit, where they pile up
        np.r_[
            RNG.normal(20, 1, 299), 9.0
        ],  # one bright star among galaxies, not so written by chance
        RNG.integers(15, 25, 300).astype(float),  # whole numbers
        np.array([0.0]),
        np.array([0.03, 0.0, 0.77]),  # Vega and two more
    ],
)
def test_measurements_pass(value):
    value = value.copy()
    value[value == 9.0] += 0.001
    data = Photometry.from_magnitudes(value[:, None], 0.1, ("g",))
    assert not data.missing.any()


def test_rounded_magnitudes_of_any_shape_pass():
    """Of a thousand samples that hold no mark, none is refused."""
    rng = np.random.default_rng(0)
    for k in range(1000):
        n, digits = int(rng.choice([2, 3, 5, 10, 50, 500])), 1 + k % 3
        shapes = (
            rng.normal(20, 2, n), rng.uniform(-12, -2, n), rng.exponential(3, n),
            25 - rng.exponential(1.5, n),
        )  # fmt: skip
        value = np.clip(shapes[k % 4].round(digits), -49, 49)
        Photometry.from_magnitudes(value[:, None], 0.1, ("g",))


def test_negative_nines_are_no_flux():
    flux = RNG.normal(5.0, 2.0, (50, 2))
    flux[[4, 9], 0] = -99.0
    with pytest.raises(
        DataError, match=r"flux in g: row 4 is -99\.0 \+- 0\.5 \(2 such rows in all\)"
    ):
        Photometry(flux, 0.5, "gr")
    table = {"g": flux[:, 0], "r": flux[:, 1]}
    read = Photometry.read(table, flux=("g", "r"), error=(0.5, 0.5), missing=-99)
    assert read.missing.sum() == 2
    assert Photometry(flux, 60.0, "gr").missing.sum() == 0  # noise can do that
    flux[[4, 9], 0] = 0.0  # of what was not detected
    assert Photometry(flux, 0.5, "gr").missing.sum() == 0


def test_marks_in_a_real_catalogue(shared_data):
    """PHAT0 writes what IRAC could not see as 26.37; the other tables have declared marks."""
    frame = pd.read_csv(shared_data / "e_photoz" / "phat0_train_SIMULATED.csv.gz")
    bands = ("gp", "rp", "IRAC_1")
    with pytest.raises(DataError, match=r"IRAC_1: 26\.37 is there 2965 times"):
        Photometry.read(frame, magnitude=bands, error=(0.1,) * 3)
    seen = Photometry.read(frame, magnitude=bands, error=(0.1,) * 3, missing=26.37)
    assert seen.missing.sum() == 2965
    frame = pd.read_csv(shared_data / "e_photoz" / "boss_dr10_ugriz.csv.gz")
    frame = frame[(frame[[f"e_{b}" for b in "ugriz"]] > 0).all(axis=1)]
    errors = tuple(f"e_{b}" for b in "ugriz")
    assert not Photometry.read(frame, magnitude=tuple("ugriz"), error=errors).missing.any()
    assert len(ba.load("sdss-galaxies"))
