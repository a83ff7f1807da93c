"""Bad input of every sort is an error that names where and what to do, before any sampling."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import line, sinusoid

import bayes_astro as ba
from bayes_astro.samplers import exact, nuts

QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
GOOD_CURVE, GOOD_POINTS = sinusoid(n=12), line(n=12)


class Reached(Exception):
    """The sampler was called."""


@pytest.fixture
def no_sampler(monkeypatch):
    """Sampling is an error: bad input must be found before it."""

    def reached(*args, **kwargs):
        raise Reached

    monkeypatch.setattr(exact.Exact, "sample", reached)
    monkeypatch.setattr(nuts.NUTS, "sample", reached)


spoilers = st.sampled_from([np.nan, np.inf, -np.inf])


@QUIET
@given(
    column=st.sampled_from(["time", "value", "error"]),
    row=st.integers(0, 11),
    spoiler=st.one_of(spoilers, st.just(0.0), st.floats(-1e3, -1e-3)),
)
def test_a_spoiled_light_curve(no_sampler, column, row, spoiler):
    arrays = {name: getattr(GOOD_CURVE, name).copy() for name in ("time", "value", "error")}
    arrays[column][row] = spoiler
    bad = not np.isfinite(spoiler) or column == "error"
    if bad:
        with pytest.raises(ValueError, match=column) as caught:
            ba.Periodogram().fit(ba.LightCurve(**arrays))
        assert f"row {row}" in str(caught.value)
    else:
        with pytest.raises(Reached):
            ba.Periodogram().fit(ba.LightCurve(**arrays))


@QUIET
@given(
    where=st.sampled_from(["value", "error"]),
    column=st.integers(0, 1),
    row=st.integers(0, 11),
    spoiler=st.one_of(spoilers, st.floats(-1e3, -1e-3)),
)
def test_spoiled_measurements(no_sampler, where, column, row, spoiler):
    arrays = {"value": GOOD_POINTS.value.copy(), "error": GOOD_POINTS.error.copy()}
    arrays[where][row, column] = spoiler
    gap = where == "value" and np.isnan(spoiler)  # which a line takes
    if gap or (where == "value" and np.isfinite(spoiler)):
        with pytest.raises(Reached):
            ba.LinearRelation("y").fit(ba.Measurements(**arrays, names=("x", "y")))
        return
    with pytest.raises(ValueError, match=f"row {row}") as caught:
        ba.LinearRelation("y").fit(ba.Measurements(**arrays, names=("x", "y")))
    assert ("x", "y")[column] in str(caught.value)


@QUIET
@given(
    rho=st.floats(1.01, 100) | st.floats(-100, -1.01),
    row=st.integers(0, 11),
    symmetric=st.booleans(),
)
def test_covariances_that_are_none(no_sampler, rho, row, symmetric):
    covariance = GOOD_POINTS.covariance.copy()
    off = rho * np.sqrt(covariance[row, 0, 0] * covariance[row, 1, 1])
    covariance[row, 0, 1] = off
    covariance[row, 1, 0] = off if symmetric else -off
    with pytest.raises(ValueError, match=f"row {row}"):
        ba.LinearRelation("y").fit(
            ba.Measurements(GOOD_POINTS.value, covariance=covariance, names=("x", "y"))
        )


junk = st.one_of(
    st.none(), st.text(max_size=5), st.floats(), st.integers(), st.lists(st.integers(), max_size=3)
)


@QUIET
@given(
    name=st.sampled_from(["n_terms", "period", "trend", "jitter", "priors"]),
    value=junk,
)
def test_junk_parameters(no_sampler, name, value):
    """A parameter is used as it is or refused; nothing else gets through."""
    with pytest.raises((ValueError, Reached)):
        ba.Periodogram(**{name: value}).fit(GOOD_CURVE)


@QUIET
@given(name=st.sampled_from(["response", "scatter", "outliers", "priors"]), value=junk)
def test_junk_parameters_of_the_line(no_sampler, name, value):
    with pytest.raises((ValueError, Reached)):
        ba.LinearRelation(**{"response": "y", name: value}).fit(GOOD_POINTS)


@QUIET
@given(at=st.one_of(junk, st.lists(spoilers, min_size=1, max_size=3)))
def test_junk_in_predictions(at):
    model = _fitted()
    if at is None:
        return
    try:
        predicted = model.predict(at, draws=4)
    except ValueError:
        return
    assert np.isfinite(predicted["signal"]).all()


_FIT = []


def _fitted():
    if not _FIT:
        _FIT.append(ba.Periodogram(period=(2, 20)).fit(GOOD_CURVE, ba.Exact(draws=400), seed=1))
    return _FIT[0]


def test_scales_at_the_edge_of_floats_are_sampled_or_refused():
    """Tiny and huge units neither overflow silently nor change the answer."""
    plain = ba.Periodogram(period=(2, 20)).fit(sinusoid(), ba.Exact(draws=400), seed=1)
    period = plain.posterior["posterior"]["period"].values
    for scale in (1e-30, 1e-9, 1e9, 1e30):
        data = sinusoid()
        data = data.replace(value=data.value * scale, error=data.error * scale)
        model = ba.Periodogram(period=(2, 20)).fit(data, ba.Exact(draws=400), seed=1)
        assert np.allclose(model.posterior["posterior"]["period"].values, period, rtol=1e-6)
