"""The stored numbers are those that their script makes."""

import json

import pytest

from bayes_astro.exercises import reference
from bayes_astro.exercises.library import _files, ids


def test_every_exercise_can_be_made_again():
    assert sorted(reference.MAKERS) == sorted(ids())


@pytest.mark.parametrize(
    "id",
    [
        *("5.1", "5.5", "6.1", "9.1", "9.2", "10.1", "10.2", "10.3"),
        *(pytest.param(id, marks=pytest.mark.slow) for id in ("5.2", "10.4", "10.5")),
    ],
)
def test_the_reference_is_reproduced(id):
    stored = json.loads((_files() / f"{id}.json").read_text(encoding="utf-8"))
    made = reference.MAKERS[id]()
    assert made["method"] == stored["method"]
    for name, quantity in stored["quantities"].items():
        for key in ("mean", "sd"):
            tolerance = 4 * quantity[f"mcse_{key}"] + 1e-6 * quantity["sd"]
            assert made["quantities"][name][key] == pytest.approx(quantity[key], abs=tolerance)
    assert set(made["mistakes"]) == set(stored["mistakes"])
