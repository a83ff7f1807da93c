"""One model on many objects: failures are rows, order and subsets change nothing."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
from samples import line, sinusoid

import bayes_astro as ba
from bayes_astro import catalog
from bayes_astro.catalog import object_seed


def objects():
    good = {f"star {i}": sinusoid(seed=i, name=f"star {i}") for i in range(4)}
    return {
        **good,
        "constant": good["star 0"].replace(value=np.ones(60), name="constant"),
        "not a light curve": 3,
    }


def test_a_row_an_object():
    model = ba.Periodogram(period=(2, 20))
    table = ba.fit_each(model, objects(), seed=1, sampler=ba.Exact(draws=400))
    assert list(table.index) == list(objects())
    assert list(table["status"]) == ["ok"] * 4 + ["failed"] * 2
    assert "constant" in table.loc["constant", "error"]
    assert table.loc["constant", "error_type"] == "ValueError"
    assert np.isnan(table.loc["constant", "period_mean"])
    good = table.iloc[:4]
    assert good["period_mean"].to_numpy() == pytest.approx(3.7, abs=0.05)
    for name in ("period", "amplitude[1]"):
        levels = good[[f"{name}_{q}" for q in ("q025", "q16", "q50", "q84", "q975")]].to_numpy()
        assert (np.diff(levels, axis=1) > 0).all()
    assert (good["log_bayes_factor"] > 5).all()
    assert (good["n_obs"] == 60).all()
    assert not model.__sklearn_is_fitted__()


def test_order_subset_and_names_change_nothing():
    model = ba.Periodogram(period=(2, 20))
    every = {name: item for name, item in objects().items() if name.startswith("star")}
    all_of_them = ba.fit_each(model, every, seed=1).drop(columns="ms")
    backwards = ba.fit_each(model, dict(reversed(every.items())), seed=1).drop(columns="ms")
    named_by_themselves = ba.fit_each(model, list(every.values())[:2], seed=1).drop(columns="ms")
    assert all_of_them.equals(backwards.loc[all_of_them.index])
    assert all_of_them.iloc[:2].equals(named_by_themselves)
    other = ba.fit_each(model, every, seed=2)
    assert not np.array_equal(other["period_mean"], all_of_them["period_mean"])


def test_every_object_has_a_seed_of_its_own():
    """Equal data under two names: the same posterior, other draws."""
    twins = {name: sinusoid(n=20) for name in ("a", "b")}
    table = ba.fit_each(ba.Periodogram(period=(3, 5)), twins, seed=4, sampler=ba.Exact(draws=400))
    assert table["seed"].to_dict() == {name: object_seed(4, name) for name in twins}
    assert len({object_seed(seed, name) for seed in range(20) for name in "abcde"}) == 100
    assert table.loc["a", "period_mean"] != table.loc["b", "period_mean"]


def test_levels_are_those_of_the_draws():
    data = sinusoid(name="one")
    model = ba.Periodogram(period=(2, 20))
    row = ba.fit_each(model, [data], seed=5).loc["one"]
    assert row["ess_min"] == 1000
    model.fit(data, ba.Exact(draws=1000), seed=int(row["seed"]))
    draws = model.posterior["posterior"]["period"].values
    assert row["period_q84"] == np.quantile(draws, 0.84)
    assert row["period_q025"] == np.quantile(draws, 0.025)


def test_a_chain_reports_its_convergence():
    sampler = ba.NUTS(draws=100, tune=200, chains=2)
    table = ba.fit_each(ba.LinearRelation("y"), [line(), line(seed=1)], seed=1, sampler=sampler)
    assert list(table.index) == ["0", "1"]
    assert (table["rhat_max"] < 1.2).all()
    assert (table["ess_min"] > 10).all()
    assert (table["n_divergent"] >= 0).all()


def test_empty_and_names_that_repeat():
    assert len(ba.fit_each(ba.Periodogram(), [], seed=1)) == 0
    twice = [("a", sinusoid()), ("a", sinusoid())]
    from bayes_astro.catalog import fit_each

    same_name = [item.replace(name="x") for _, item in twice]
    assert list(fit_each(ba.Periodogram(period=(2, 20)), same_name, seed=1).index) == ["0", "1"]


def test_an_error_of_the_iterable_is_a_row_after_those_before_it():
    def stars():
        yield sinusoid(name="one")
        raise OSError("the archive is gone")

    model, sampler = ba.Periodogram(period=(2, 20)), ba.Exact(draws=400)
    table = ba.fit_each(model, stars(), seed=1, sampler=sampler)
    assert list(table["status"]) == ["ok", "failed"]
    assert table["error"].iloc[-1] == "the archive is gone"
    assert table.index[-1] == "after 1 objects"


def test_one_container_is_not_many():
    with pytest.raises(ValueError, match="got one LightCurve"):
        ba.fit_each(ba.Periodogram(), sinusoid(), seed=1)


def test_rows_of_periods_are_those_of_single_fits():
    """The batch kernel against one fit after the other, in one band, several, and with jitter."""
    from samples import pulsating

    cases = [
        (
            ba.Periodogram(period=(2, 20), trend=1),
            [sinusoid(seed=i, name=f"s{i}") for i in range(3)],
        ),
        (
            ba.Periodogram((1, 2), period=(0.3, 2)),
            [pulsating(seed=i, name=f"p{i}") for i in range(2)],
        ),
        (
            ba.Periodogram(period=(0.3, 2), amplitude=False),
            [pulsating(seed=4, name="q", common=True, noise=0.5)],
        ),
    ]
    for model, curves in cases:
        table = ba.fit_each(model, curves, seed=3, sampler=ba.Exact(draws=400))
        for curve in curves:
            row = table.loc[curve.name]
            single = model.copy().fit(
                curve, ba.Exact(draws=400), seed=int(row["seed"]), progress=False
            )
            summary = single.summary()
            for name in summary.index:
                if name.startswith("phase"):
                    continue
                assert row[f"{name}_mean"] == pytest.approx(summary.loc[name, "mean"], rel=1e-9)
                assert row[f"{name}_sd"] == pytest.approx(
                    summary.loc[name, "sd"], rel=0.01, abs=1e-12
                )
            evidence = single.posterior["evidence"]
            assert row["log_bayes_factor"] == pytest.approx(evidence["log_bayes_factor"].item())
            alarm = np.log(max(evidence["false_alarm_probability"].item(), 1e-300))
            assert np.log(max(row["false_alarm_probability"], 1e-300)) == pytest.approx(
                alarm, abs=0.2
            )
            modes = single.modes(0.0)
            assert row["peak1_period"] == pytest.approx(modes["period"][0], rel=1e-9)
            assert row["peak1_mass"] == pytest.approx(modes["mass"][0])
            failed = {check.name for check in single.diagnose() if check.passed is not True}
            assert set(filter(None, row["notes"].split("; "))) <= failed


def test_rows_say_what_is_wrong():
    good, rng = sinusoid(seed=1, name="good"), np.random.default_rng(1)
    close = good.replace(name="errors too small", error=0.2 * good.error)
    noise = good.replace(name="noise", value=10 + good.error * rng.normal(size=60))
    table = ba.fit_each(ba.Periodogram(period=(2, 20)), [good, close, noise], seed=1)
    assert table.loc["good", "notes"] == ""
    assert "goodness of fit" in table.loc["errors too small", "notes"]
    assert "one period" in table.loc["noise", "notes"]
    assert table.loc["noise", "n_peaks"] > 2
    assert np.isfinite(table.loc["noise", "peak5_mass"])
    assert np.isnan(table.loc["good", "peak5_mass"])


def test_a_generator_is_taken_as_it_goes(monkeypatch):
    """No more than a chunk is in memory, and names that come again get their position."""
    monkeypatch.setattr(catalog, "CHUNK", 4)
    alive, most = weakref.WeakSet(), []

    def stars():
        for i in range(10):
            gc.collect()
            most.append(len(alive))
            star = sinusoid(n=20, seed=i, name=f"s{i % 8}")
            alive.add(star)
            yield star
            del star

    table = ba.fit_each(
        ba.Periodogram(period=(2, 20)), stars(), seed=1, sampler=ba.Exact(draws=400)
    )
    assert list(table.index) == [*(f"s{i}" for i in range(8)), "s0 (8)", "s1 (9)"]
    assert (table["status"] == "ok").all()
    assert max(most) <= 8


def test_a_folder_of_files(tmp_path):
    """Sorted, named without their endings; one that cannot be read is a row."""
    for i in (2, 0, 1):
        star = sinusoid(n=20, seed=i)
        columns = {"mjd": star.time, "mag": star.value, "magerr": star.error}
        pd.DataFrame(columns).to_csv(tmp_path / f"star{i}.csv", index=False)
    (tmp_path / "broken.csv").write_text("mjd,mag\n1,2\n")
    model, sampler = ba.Periodogram(period=(2, 20)), ba.Exact(draws=400)
    columns = {"time": "mjd", "value": "mag", "error": "magerr"}
    table = ba.fit_each(model, tmp_path, seed=1, sampler=sampler, columns=columns)
    assert list(table.index) == ["broken", "star0", "star1", "star2"]
    assert list(table["status"]) == ["failed", "ok", "ok", "ok"]
    assert "magerr" in table.loc["broken", "error"]
    alone = ba.fit_each(model, {"star1": sinusoid(n=20, seed=1)}, seed=1, sampler=sampler)
    assert table.loc["star1", "period_mean"] == pytest.approx(alone["period_mean"].item(), rel=1e-9)


def test_a_nested_frame():
    """One object a row; its points in a nested column, by the names that the frame has."""
    import nested_pandas as nested

    stars = [sinusoid(n=20 + i, seed=i) for i in range(3)]
    flat = pd.concat(
        [
            pd.DataFrame({"mjd": s.time, "mag": s.value, "magerr": s.error}, index=[f"o{i}"] * s.n)
            for i, s in enumerate(stars)
        ]
    )
    frame = nested.NestedFrame({"ra": [1.0, 2, 3]}, index=["o0", "o1", "o2"]).join_nested(
        flat, "lc"
    )
    model, sampler = ba.Periodogram(period=(2, 20)), ba.Exact(draws=400)
    columns = {"time": "mjd", "value": "lc.mag", "error": "magerr"}
    table = ba.fit_each(model, frame, seed=1, sampler=sampler, columns=columns)
    expected = ba.fit_each(
        model, {f"o{i}": star for i, star in enumerate(stars)}, seed=1, sampler=sampler
    )
    assert table.drop(columns="ms").equals(expected.drop(columns="ms"))
    with pytest.raises(ValueError, match=r"no column 'magnitude' in 'lc'"):
        ba.fit_each(model, frame, columns=columns | {"value": "magnitude"})
    with pytest.raises(ValueError, match="no nested column 'curve'"):
        ba.fit_each(model, frame, columns=columns | {"value": "curve.mag"})


@pytest.mark.parametrize(
    ("items", "columns", "message"),
    [
        ("no such folder", None, "is no folder"),
        ([], {"time": "t"}, "are containers already"),
    ],
)
def test_sources_that_are_none(items, columns, message):
    with pytest.raises(ValueError, match=message):
        ba.fit_each(ba.Periodogram(), items, columns=columns)


def test_an_empty_folder(tmp_path):
    with pytest.raises(ValueError, match="holds no files"):
        ba.fit_each(ba.Periodogram(), tmp_path)
