"""Of 200 right answers none is rejected, of 200 wrong ones each is, by name: every exercise.

Means, sds and Monte Carlo errors of standard normal draws are worked out once. Those of the draws of any
quantity follow from them, since all of them shift and scale with the draws.
"""

import re
from dataclasses import replace

import numpy as np
import pytest

from bayes_astro.exercises import check
from bayes_astro.exercises.answers import read
from bayes_astro.exercises.checking import judge
from bayes_astro.exercises.library import exercise, ids

REPEATS = 200
MISTAKES = [(id, mistake.name) for id in ids() for mistake in exercise(id).mistakes]
# Too little for numbers without their own error.
TOO_LITTLE = {("5.2", "errors_in_x_left_in")}
# Enough for the pair itself, not for one from any draws.
HARDLY_ENOUGH = {("4.7", "gaussian"), ("7.1", "interpolated")}


def normal(seed):
    return np.random.default_rng(seed).normal(size=(4, 1000))


@pytest.fixture(scope="module")
def standard():
    """Estimates of standard normal draws; a row for each of the quantities that are asked."""
    task = exercise("5.1")
    return [[read(task, normal((i, k)))["velocity"] for k in range(3)] for i in range(REPEATS)]


def moved(estimate, quantity, part):
    """The estimate of draws of this quantity; of an exact number one within part of its tolerance."""
    if quantity.tolerance is not None:
        off = part * quantity.tolerance * np.clip(estimate.mean / estimate.mean_error / 4, -1, 1)
        return replace(estimate, mean=quantity.mean + off, mean_error=0.0, sd=None)
    return replace(
        estimate,
        mean=quantity.mean + quantity.sd * estimate.mean,
        mean_error=quantity.sd * estimate.mean_error,
        sd=quantity.sd * estimate.sd,
    )


def answers(standard, quantities, part=0.99):
    for row in standard:
        pairs = zip(row, quantities.items(), strict=False)
        yield {name: moved(one, quantity, part) for one, (name, quantity) in pairs}


def pair(estimate):
    return estimate.mean if estimate.sd is None else (estimate.mean, estimate.sd)


def full(id, mistake):
    """What the mistake leads to; what it says nothing of is right."""
    task = exercise(id)
    wrong = {m.name: m for m in task.mistakes}[mistake].quantities
    required = {name: q for name, q in task.quantities.items() if not q.optional}
    return required | wrong


def named(verdict, id, mistake):
    explanation = {m.name: " ".join(m.explanation.split()) for m in exercise(id).mistakes}[mistake]
    return verdict.state == "incorrect" and explanation in verdict.message


def test_the_estimates_of_scaled_draws_are_the_scaled_estimates(standard):
    task, (mean, sd) = exercise("5.1"), (33.6, 0.16)
    quantity = replace(task.quantities["velocity"], mean=mean, sd=sd)
    direct = read(task, mean + sd * normal((3, 0)))["velocity"]
    ours = moved(standard[3][0], quantity, 1.0)
    for field in ("mean", "mean_error", "sd", "log_sd_error", "effective_draws"):
        assert getattr(direct, field) == pytest.approx(getattr(ours, field), rel=1e-9)


@pytest.mark.parametrize("id", ids())
def test_no_right_answer_is_rejected(id, standard):
    task = exercise(id)
    for estimates in answers(standard, task.quantities):
        assert judge(task, estimates), judge(task, estimates)
        verdict = check(id, {name: pair(one) for name, one in estimates.items()})
        assert verdict, verdict


@pytest.mark.parametrize("id", ids())
def test_right_draws_numbers_and_blanks(id):
    quantities = exercise(id).quantities
    draws = {name: q.mean + q.sd * normal(i) for i, (name, q) in enumerate(quantities.items())}
    exact = {name for name, q in quantities.items() if q.tolerance is not None}
    assert check(id, {k: d.mean() if k in exact else d for k, d in draws.items()})
    number = check(id, {name: q.mean for name, q in quantities.items()})
    assert number.state in ("correct", "incomplete")
    # Where it is no complete answer, none is asked for.
    offered = re.search(r"\ba number\b|\bnumbers\b", exercise(id).accepts)
    assert number.state == "correct" or not offered
    assert check(id, ...).state == check(id, None).state == "not attempted"
    assert check(id, dict.fromkeys(quantities, ...)).state == "not attempted"


@pytest.mark.parametrize("id, mistake", MISTAKES)
def test_mistake_is_rejected_and_named(id, mistake, standard):
    task, quantities = exercise(id), full(id, mistake)
    # Exact numbers: several mistakes may lead to less than a tolerance apart.
    for estimates in answers(standard, quantities, part=0.02):
        verdict = judge(task, estimates)
        assert named(verdict, id, mistake), verdict
        if (id, mistake) not in TOO_LITTLE | HARDLY_ENOUGH:
            pairs = {name: pair(one) for name, one in estimates.items()}
            assert named(check(id, pairs), id, mistake), pairs
    drawn = {
        name: q.mean if q.tolerance is not None else q.mean + q.sd * normal(i)
        for i, (name, q) in enumerate(quantities.items())
    }
    assert named(check(id, drawn), id, mistake)
    if (id, mistake) not in TOO_LITTLE:
        stored = {
            name: q.mean if q.tolerance is not None else (q.mean, q.sd)
            for name, q in quantities.items()
        }
        assert named(check(id, stored), id, mistake)


@pytest.mark.parametrize("id, mistake", MISTAKES)
def test_no_number_passes_that_a_mistake_leads_to(id, mistake):
    """Not even where it gets nothing but the width wrong."""
    if (id, mistake) not in TOO_LITTLE:
        quantities = full(id, mistake)
        assert not check(id, {name: quantity.mean for name, quantity in quantities.items()})


def test_an_exact_number_is_judged_by_the_number_alone():
    reference = exercise("5.10").quantities["ln_odds"]
    for width in (0.01, 1.0, 100.0):
        assert check("5.10", (reference.mean + 0.2, width))
        draws = reference.mean + 0.2 + width * (normal(1) - normal(1).mean())
        assert check("5.10", draws)
        assert check("5.10", (reference.mean + 0.3, width)).state == "incorrect"
    verdict = check("5.10", reference.mean - 0.1)
    assert [row.quantity for row in verdict.rows] == ["ln_odds"]
    assert "uncertainty" not in verdict.message
    assert "0.4 above the reference." in check("5.10", reference.mean + 0.4).message
    rough = check("5.10", -3)
    assert rough.state == "incomplete" and "more digits" in rough.message
    assert "pair" not in rough.message
