"""The stored numbers are those that their script makes."""

import json

import pytest

from bayes_astro.exercises import reference
from bayes_astro.exercises.library import _files, ids


def test_every_exercise_can_be_made_again():
    assert sorted(reference.MAKERS) == sorted(ids())


SLOW = {
    "5.2",
    "6.2",
    "6.3",
    "6.6",
    "9.5",
    "10.3",
    "10.4",
    "10.5",
}  # they sample, or sum over three dimensions


@pytest.mark.parametrize(
    "id", [pytest.param(id, marks=pytest.mark.slow if id in SLOW else ()) for id in ids()]
)
def test_the_reference_is_reproduced(id):
    stored = json.loads((_files() / f"{id}.json").read_text(encoding="utf-8"))
    made = reference.MAKERS[id]()
    assert made["method"] == stored["method"]
    for name, quantity in stored["quantities"].items():
        for key in ("mean", "sd"):
            tolerance = 4 * quantity[f"mcse_{key}"] + 1e-6 * quantity["sd"]
            again = made["quantities"][name][key]
            assert again == pytest.approx(quantity[key], rel=1e-9, abs=tolerance)
    assert set(made["mistakes"]) == set(stored["mistakes"])
