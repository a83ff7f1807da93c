"""The worked solutions pass with whatever seed they draw: their posteriors are no Gaussians."""

import re

import pytest

from bayes_astro.exercises import check, solution
from bayes_astro.exercises.blank import source
from bayes_astro.exercises.generate import cells
from bayes_astro.exercises.library import exercise, ids

SEEDED = [id for id in ids() if re.search(r"default_rng\(1\)|seed=1\b", solution(id))]
LONG = {"5.6", "5.8", "5.13", "8.7", "8.10", "9.4"}  # a second or a tenth of one


def rejected(id, count):
    """Seeds of those that are not judged correct."""
    code = [cell.source for cell in cells(source(id).read_text("utf-8")) if cell.kind == "code"]
    data: dict = {}
    exec(code[0], data)  # noqa: S102
    found = []
    for seed in range(100, 100 + count):
        text = re.sub(r"default_rng\(1\)", f"default_rng({seed})", solution(id))
        space = dict(data)
        exec(re.sub(r"seed=1\b", f"seed={seed}", text), space)  # noqa: S102
        verdict = check(id, space["answer"])
        found += [] if verdict else [(seed, verdict)]
    return found


def test_most_solutions_draw():
    assert len(SEEDED) >= 30


@pytest.mark.slow
@pytest.mark.parametrize("id", [i for i in SEEDED if not exercise(i).task and i not in LONG])
def test_no_seed_of_twenty_is_rejected(id):
    assert not rejected(id, 20)


@pytest.mark.calibration
@pytest.mark.parametrize("id", SEEDED)
def test_no_seed_of_two_hundred_is_rejected(id):
    of_long = 50 if id in LONG else 200
    assert not rejected(id, 20 if exercise(id).task else of_long)
