"""Classes: closed forms, brute force, identities, other populations, and what is refused."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from samples import kinds
from scipy.stats import multivariate_normal

import bayes_astro as ba
from bayes_astro.classes import adaptation, inputs, scores
from bayes_astro.classes.probabilities import class_log_densities, members
from bayes_astro.data import DataWarning

QUICK = ba.MAP(restarts=1, moves=0)


@pytest.fixture(scope="module")
def table():
    return kinds(n=300, missing=10, seed=4)


@pytest.fixture(scope="module")
def fitted(table):
    return ba.MixtureClassifier(2, n_fits=3).fit(table, QUICK, seed=1, progress=False)


def by_hand(fitted, data, draw):
    """log p_c(x) of one draw, with scipy, row by row and component by component."""
    one = fitted.posterior["posterior"].to_dataset().isel(chain=0, draw=draw)
    found = np.zeros((len(fitted.classes), len(data)))
    for c, places in enumerate(members(one.expand_dims(["chain", "draw"]))):
        for i in range(len(data)):
            seen = ~data.missing[i]
            if not seen.any():
                continue
            total = 0.0
            for k in places:
                mean = one["mean"].values[k][seen]
                cov = (one["covariance"].values[k] + np.nan_to_num(data.covariance[i]))[seen][
                    :, seen
                ]
                total += one["weight"].values[k] * multivariate_normal(mean, cov).pdf(
                    data.value[i][seen]
                )
            found[c, i] = np.log(total)
    return found


def test_probabilities_are_bayes_rule_by_hand(fitted, table):
    part = table[:25]
    draws = fitted.posterior["posterior"].to_dataset()
    found = class_log_densities(draws, part)
    share = 0.0
    for s in range(3):
        expected = by_hand(fitted, part, s)
        assert np.allclose(found[s], expected, rtol=1e-9, atol=1e-9)
        joint = np.exp(expected) * draws["fraction"].values[0, s][:, None]
        share = share + joint / joint.sum(axis=0) / 3
    table_of = fitted.probability(part)
    assert np.allclose(table_of["probability"].values, share.T, rtol=1e-8, atol=1e-12)
    assert np.allclose(table_of["probability"].sum("class"), 1.0)
    assert (table_of["sd"] >= 0).all()


def test_moments_of_a_class_are_those_of_its_clouds(fitted):
    one = fitted.posterior["posterior"].to_dataset().isel(chain=0, draw=0)
    for name in fitted.classes:
        k = [i for i, x in enumerate(one["component"].values) if str(x).startswith(f"{name}/")][:-1]
        weight = one["weight"].values[k] / one["weight"].values[k].sum()
        mean = weight @ one["mean"].values[k]
        second = np.einsum("k,ki,kj->ij", weight, one["mean"].values[k], one["mean"].values[k])
        second += np.einsum("k,kij->ij", weight, one["covariance"].values[k])
        own = one.sel({"class": name})
        assert np.allclose(own["class_mean"], mean)
        assert np.allclose(own["class_covariance"], second - np.outer(mean, mean))


def test_fits_to_training_sets_weighed_anew_differ_by_the_error_of_a_mean():
    data = kinds(n=300, noise=1e-6, missing=0, seed=8)
    spread = {}
    for bootstrap in (True, False):
        model = ba.MixtureClassifier(1, n_fits=80, bootstrap=bootstrap)
        model.fit(data, QUICK, seed=1, progress=False)
        spread[bootstrap] = model.posterior["posterior"]["class_mean"].std(("chain", "draw")).values
    for c, name in enumerate("ab"):
        own = data.value[data.label == name]
        expected = own.std(axis=0) / np.sqrt(len(own))
        assert np.allclose(spread[True][c], expected, rtol=0.35)
    assert spread[False].max() < 0.1 * spread[True].min()


def test_draws_that_are_there_many_times_are_computed_once(fitted, table, monkeypatch):
    from bayes_astro.classes import probabilities
    from bayes_astro.draws import in_turn

    draws = fitted.posterior["posterior"].to_dataset()
    part = table[:20]
    share, evidence = probabilities.posterior_of(draws, part)
    seen = []
    computed = probabilities.class_log_densities
    monkeypatch.setattr(
        probabilities, "class_log_densities", lambda d, x: seen.append(d) or computed(d, x)
    )
    many, others = probabilities.posterior_of(in_turn(draws, 100), part)
    assert seen[0].sizes["chain"] * seen[0].sizes["draw"] == 3
    which = np.sort(np.resize(np.arange(3), 100))
    assert np.array_equal(many, share[which])
    assert np.array_equal(others, evidence[which])


def test_fractions_of_weighted_rows():
    data = kinds(n=200, missing=0)
    heavy = np.where(data.label == "b", 3.0, 1.0)
    model = ba.MixtureClassifier(1, n_fits=2, bootstrap=False)
    model.fit(data.replace(weight=heavy), QUICK, seed=1, progress=False)
    fraction = model.posterior["posterior"]["fraction"].values[0, 0]
    assert np.allclose(model.fractions()["mean"], fraction)
    n = heavy.sum()
    assert fraction[1] == pytest.approx((heavy[data.label == "b"].sum() + 1) / (n + 2))


def test_one_gaussian_without_errors_is_quadratic_discriminant_analysis():
    data = kinds(n=2000, noise=1e-9, missing=0, seed=2)
    weak = {"covariance": ba.Prior("InverseWishart", nu=3.0, scale=1e-6 * np.eye(3))}
    model = ba.MixtureClassifier(1, n_fits=1, bootstrap=False, background=1e-12, priors=weak).fit(
        data, QUICK, seed=1, progress=False
    )
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    oracle = QuadraticDiscriminantAnalysis().fit(data.value, data.label.astype(str))
    found = model.probability(data)["probability"].values
    assert np.abs(found - oracle.predict_proba(data.value)).max() < 0.01


def test_a_missing_value_is_one_of_infinite_error(fitted, table):
    plain = table[~table.missing.any(axis=1)][:20]
    gone = plain.value.copy()
    gone[:, 1] = np.nan
    wide = plain.error.copy()
    wide[:, 1] = 1e7
    one = fitted.probability(plain.replace(value=gone))["probability"].values
    other = fitted.probability(plain.replace(error=wide))["probability"].values
    assert np.allclose(one, other, atol=1e-6)


def test_nothing_measured_leaves_the_fractions(fitted, table):
    nothing = table[:1].replace(value=[[np.nan] * 3])
    found = fitted.probability(nothing, draws=None)["probability"].values[0]
    fraction = fitted.posterior["posterior"]["fraction"].mean(("chain", "draw")).values
    assert np.allclose(found, fraction, rtol=1e-12)
    assert fitted.summary(nothing)["flag"].tolist() == ["nothing measured"]


def test_far_from_all_classes_the_probabilities_are_the_fractions_and_flagged(fitted, table):
    far = table[:3].replace(value=[[40.0, 0, 0], [0, -300.0, 0], [0, 0, 1e4]], error=0.1)
    found = fitted.probability(far)["probability"].values
    fraction = fitted.posterior["posterior"]["fraction"].mean(("chain", "draw")).values
    assert np.isfinite(found).all()
    assert np.allclose(found, fraction, atol=0.02)
    assert (fitted.summary(far)["flag"] == "unusual").all()
    assert (fitted.summary(table)["flag"] == "").mean() > 0.97


def test_noise_that_is_stated_leaves_probabilities_calibrated():
    train, test = kinds(n=1500, seed=5), kinds(n=4000, noise=1.2, seed=6)
    model = ba.MixtureClassifier(2, n_fits=4).fit(train, QUICK, seed=1, progress=False)
    codes = test.codes(model.classes)
    good = model.probability(test)["probability"].values
    log_t, error = scores.temperature(good, codes)
    assert abs(log_t) < 0.15 + 3 * error
    ignored = model.probability(test.replace(error=1e-3))["probability"].values
    assert scores.temperature(ignored, codes)[0] > 0.4


def test_order_and_names_of_columns(fitted, table):
    turned = table.select("i", "g", "r")
    one, other = (fitted.probability(t)["probability"].values for t in (table, turned))
    assert np.allclose(one, other, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match=r"columns g, r, i; i is not there.*nan"):
        fitted.probability(table.select("g", "r"))
    with pytest.raises(ValueError, match="expected a Measurements"):
        fitted.probability(kinds(flux=True))


def test_units_are_converted():
    data = kinds(n=150).replace(units=("mas", "mas", "mas"))
    model = ba.MixtureClassifier(1, n_fits=2).fit(data, QUICK, seed=1, progress=False)
    other = data.replace(
        value=data.value / 1e3, covariance=data.covariance / 1e6, units=("arcsec",) * 3
    )
    one, two = (model.probability(x)["probability"].values for x in (data, other))
    assert np.allclose(one, two, atol=1e-9)
    with pytest.raises(ValueError, match=r"is in 'd', the fitted one in 'mas'"):
        model.probability(data.replace(units=("d", "mas", "mas")))


# Colours ---------------------------------------------------------------------------------------


def test_colours_are_those_of_neighbours_that_were_measured():
    flux = kinds(n=40, flux=True, missing=0)
    gone = flux.flux.copy()
    gone[0, 1] = np.nan
    gone[1, 2] = np.nan
    some = flux.replace(flux=gone)
    soft = inputs.soft_of(some)
    found = inputs.measured(some, soft, "asinh", False)
    whole = inputs.measured(flux, soft, "asinh", True)
    assert found.names == ("g-r", "r-i")
    m, v = whole.value, whole.error**2
    # g - i of the first row, in the place of r - i; the second has g - r alone.
    assert np.isnan(found.value[0, 0])
    assert found.value[0, 1] == pytest.approx(m[0, 0] - m[0, 2])
    assert found.projection[0, 1].tolist() == [1.0, 1.0]
    assert found.covariance[0, 1, 1] == pytest.approx(v[0, 0] + v[0, 2])
    assert found.value[1, 0] == pytest.approx(m[1, 0] - m[1, 1])
    assert np.isnan(found.value[1, 1])
    for row in range(2, 40):
        assert np.allclose(found.value[row], [a - b for a, b in pairwise(m[row])])
        assert found.covariance[row, 0, 1] == pytest.approx(-v[row, 1])


def test_how_bright_an_object_is_says_nothing_unless_asked():
    flux = kinds(n=200, flux=True, missing=0, noise=0.05)
    fainter = flux.replace(flux=0.02 * flux.flux, error=0.02 * flux.error)
    found = {}
    for brightness in (False, True):
        model = ba.MixtureClassifier(1, n_fits=2, brightness=brightness, transform="log")
        model.fit(flux, QUICK, seed=1, progress=False)
        found[brightness] = [model.probability(x)["probability"].values for x in (flux, fainter)]
    assert np.allclose(*found[False], atol=1e-9)
    assert np.abs(found[True][0] - found[True][1]).max() > 0.2


def test_bands_in_another_order_and_bands_that_were_not_fitted():
    flux = kinds(n=150, flux=True)
    model = ba.MixtureClassifier(1, n_fits=2).fit(flux, QUICK, seed=1, progress=False)
    one = model.probability(flux)["probability"].values
    assert np.allclose(one, model.probability(flux.select("i", "r", "g"))["probability"].values)
    part = model.probability(flux.select("g", "i"))  # what is not there is missing
    assert np.isfinite(part["probability"]).all()
    with pytest.raises(ValueError, match="band 'u' was not fitted"):
        model.probability(ba.Photometry([[1.0]], [[0.1]], ("u",)))


# Other populations -------------------------------------------------------------------------------


def test_fractions_are_drawn_from_their_posterior():
    rng = np.random.default_rng(3)
    density = np.log(rng.gamma(2.0, 1.0, (2, 60)))
    alpha = np.array([1.0, 2.0])
    drawn = adaptation.draw_fractions(density, alpha, 20_000, rng)[:, 0]
    f = np.linspace(1e-6, 1 - 1e-6, 4001)
    log_p = np.log(1 - f) * (alpha[1] - 1) + np.log(
        f[:, None] * np.exp(density[0]) + (1 - f[:, None]) * np.exp(density[1])
    ).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    mean = np.sum(p * f)
    sd = np.sqrt(np.sum(p * (f - mean) ** 2))
    assert drawn.mean() == pytest.approx(mean, abs=0.1 * sd)
    assert drawn.std() == pytest.approx(sd, rel=0.05)


def test_another_population(table, tmp_path):
    model = ba.MixtureClassifier(1, n_fits=4).fit(
        kinds(n=900, seed=11), QUICK, seed=1, progress=False
    )
    pool = kinds(n=4000, seed=12, missing=0)
    codes = pool.codes(model.classes)
    rare = np.concatenate([np.flatnonzero(codes == 0)[:900], np.flatnonzero(codes == 1)[:100]])
    target = pool[rare]
    adapted = model.adapt(target)
    before, after = model.fractions(), adapted.fractions()
    again = adapted.adapt(target)
    assert again.fractions()["training"].equals(after["training"])
    assert np.allclose(after["training"], before["mean"])
    assert np.array_equal(
        model.posterior["reference"]["statistic"],
        ba.MixtureClassifier(1, n_fits=4)
        .fit(model.data, QUICK, seed=1, progress=False)
        .posterior["reference"]["statistic"],
    )
    assert before.loc["b", "mean"] == pytest.approx(0.4, abs=0.06)
    assert after.loc["b", "q025"] < 0.1 < after.loc["b", "q975"]
    assert after.loc["b", "training"] == pytest.approx(before.loc["b", "mean"], abs=0.05)
    assert after["objects"].sum() == 1000
    assert after["changed_to"].sum() == after["changed_from"].sum() > 0
    assert adapted.score(target) > model.score(target) + 0.02
    assert adapted.diagnose()["objects like those that trained"].passed
    adapted.save(tmp_path / "adapted.nc")
    opened = ba.open(tmp_path / "adapted.nc")
    assert opened.fractions().equals(after)
    assert np.array_equal(
        opened.probability(target)["probability"], adapted.probability(target)["probability"]
    )
    # A class that training never saw, and errors that are not as stated.
    new = target.value.copy()
    new[:60] = [6.0, -6.0, 6.0]
    check = model.adapt(target.replace(value=new)).diagnose()["objects like those that trained"]
    assert check.passed is False
    noisy = target.value + np.random.default_rng(1).normal(0, 1.5, target.value.shape)
    diagnosis = model.adapt(target.replace(value=noisy)).diagnose()
    assert not diagnosis
    assert diagnosis["population as the classes have it"].passed is not True


def test_the_same_population_is_like_that_which_trained_a_small_set():
    model = ba.MixtureClassifier(n_fits=4).fit(
        kinds(n=150, seed=13, missing=0), QUICK, seed=1, progress=False
    )
    for seed in (14, 15, 16):
        same = model.adapt(kinds(n=1500, seed=seed, missing=0)).diagnose()
        assert same["objects like those that trained"].passed


# Diagnosis -------------------------------------------------------------------------------------


def diagnosed(data, **settings):
    model = ba.MixtureClassifier(1, n_fits=4, **settings)
    return model.fit(data, QUICK, seed=1, progress=False).diagnose()


def test_right_data_pass_and_wrong_ones_are_named():
    data = kinds(n=1200, noise=0.0, missing=0, seed=21, apart=3.0)
    error = np.geomspace(0.05, 2.0, 1200)[:, None] * np.ones(3)
    noise = error * np.random.default_rng(2).normal(size=error.shape)
    data = data.replace(value=data.value + noise, error=error)
    assert diagnosed(data)
    half = diagnosed(data.replace(error=0.5 * data.error))
    assert half["errors as stated"].passed is False
    rng = np.random.default_rng(1)
    wrong = data.label.copy()
    rows = rng.choice(1200, 36, replace=False)
    wrong[rows] = np.where(wrong[rows] == "a", "b", "a")
    mislabelled = diagnosed(data.replace(label=wrong))
    assert mislabelled["labels as the others have them"].passed is False
    copied = diagnosed(data[np.concatenate([np.arange(1200), np.arange(0, 1200, 20)])])
    assert copied["no copied rows"].passed is False


def test_classes_too_small_to_be_judged_are_noted():
    data = kinds(n=400, seed=23, missing=0)
    codes = data.codes(("a", "b"))
    few = np.concatenate([np.flatnonzero(codes == 0), np.flatnonzero(codes == 1)[:5]])
    assert diagnosed(data[few])["calibration of classes"].passed is None


def test_classes_that_are_the_same_are_not_told_apart():
    data = kinds(n=400, seed=22)
    rng = np.random.default_rng(0)
    diagnosis = diagnosed(data.replace(label=rng.permutation(data.label)))
    assert diagnosis["classes told apart"].passed is None


# What is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, r"label: there is none.*data\.replace"),
        ({"label": ["a"] * 120}, "all 120 rows that train are 'a'"),
        ({"label": [None] * 120}, "label: there is none"),
        ({"label": ["a"] * 117 + ["b"] * 3}, r"class 'b' has 3 rows.*at least 5"),
        ({"value": np.column_stack([np.ones(120), np.arange(120.0), np.arange(120.0) ** 2])},
         "column 'g' is constant"),
        ({"value": np.full((120, 3), np.nan)}, "no row has one in which something was measured"),
    ],
)  # fmt: skip
def test_bad_data_are_refused_before_anything_is_fitted(change, message):
    with pytest.raises(ValueError, match=message):
        ba.MixtureClassifier().fit(kinds(missing=0).replace(**change), progress=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_components": {"a": 1}}, "n_components is given for a; the classes are a, b"),
        ({"n_components": {"a": 1, "b": -1}}, r"n_components\['b'\]=-1"),
        ({"background": 0.0}, "background"),
        ({"n_fits": 0}, "n_fits"),
        ({"transform": "sqrt"}, "transform"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ba.MixtureClassifier(**settings).fit(kinds(), progress=False)


def test_rows_that_cannot_be_scored(fitted, table):
    with pytest.raises(ValueError, match="row 0 is 'c', a class that training never saw"):
        fitted.score(table.replace(label=["c"] * 300))
    with pytest.raises(ValueError, match=r"row 1 has none \(1 of 300 rows\)"):
        label = table.label.copy()
        label[1] = None
        fitted.score(table.replace(label=label))
    new, plain = kinds(n=50, seed=30, missing=0), table[~table.missing.any(axis=1)]
    mixed = new.replace(value=np.concatenate([plain.value[:5], new.value[5:]]))
    with pytest.warns(DataWarning, match="also in the training set, the first is row 0"):
        fitted.score(mixed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.score(new)


def test_a_projection_is_refused(table):
    seen = table.replace(projection=np.broadcast_to(np.eye(3), (300, 3, 3)))
    with pytest.raises(ValueError, match="projection"):
        ba.MixtureClassifier().fit(seen, progress=False)


# Scores --------------------------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    codes = rng.integers(3, size=400)
    logits = rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[codes]
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    share = share.round(2) + 1e-9  # with ties
    found = scores.class_scores(share, codes, ["a", "b", "c"])
    for c, name in enumerate("abc"):
        assert found[f"auc_{name}"] == pytest.approx(roc_auc_score(codes == c, share[:, c]))
    brier = np.mean(((share - np.eye(3)[codes]) ** 2).sum(axis=1))
    assert found["brier"] == pytest.approx(brier)


def test_temperature_is_one_where_probabilities_are_right():
    rng = np.random.default_rng(0)
    share = rng.dirichlet([0.5, 0.5], 20_000)
    codes = (rng.uniform(size=20_000) > share[:, 0]).astype(int)
    log_t, error = scores.temperature(share, codes)
    assert abs(log_t) < 3 * error < 0.1
    sharp = share**2 / (share**2).sum(axis=1, keepdims=True)
    assert scores.temperature(sharp, codes)[0] == pytest.approx(np.log(2), abs=0.1)
    assert scores.calibration_error(sharp, codes) > 4 * scores.calibration_error(share, codes)


# Slow ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_draws_by_turns_agree_with_nuts():
    data = kinds(n=80, missing=4).select("g", "r")
    first = ba.MixtureClassifier(1).fit(
        data, ba.Gibbs(draws=1500, tune=300), seed=1, progress=False
    )
    other = ba.MixtureClassifier(1).fit(data, ba.NUTS(draws=1000), seed=2, progress=False)
    a, b = first.summary(), other.summary()
    for name in a.index:
        if name.split("[")[0] not in first.converged_on():
            continue
        x, y = a.loc[name], b.loc[name]
        least = min(x["ess_bulk"], y["ess_bulk"])
        assert abs(x["mean"] - y["mean"]) < 5 * x["sd"] * np.sqrt(2 / least), name
        assert x["sd"] == pytest.approx(y["sd"], rel=0.2), name


@pytest.mark.parametrize(
    "n",
    [pytest.param(60, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.calibration)],
)
def test_the_posterior_is_calibrated(n):
    model = ba.MixtureClassifier(1, priors={"fraction": ba.Prior("Dirichlet", alpha=5.0)})
    design = kinds(n=60, missing=3).select("g", "r")
    sampler = ba.Gibbs(draws=300, tune=100, chains=1)
    found = ba.calibrate(model, design, n=n, sampler=sampler, seed=3, progress=False)
    assert found
