"""Classifiers of scikit-learn: every method, calibrated where it needs to be."""

import numpy as np
import pytest
from samples import kinds

import bayes_astro as ba
from bayes_astro.baselines.classes import METHODS


@pytest.fixture(scope="module")
def tables():
    return kinds(n=300, missing=10, seed=4), kinds(n=600, missing=10, seed=5)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_beats_the_fractions(method, tables):
    train, test = tables
    fitted = ba.baselines.Classifier(method).fit(train)
    share = fitted.probability(test)["probability"].values
    assert np.allclose(share.sum(axis=1), 1.0)
    assert fitted.score(test) > -0.55  # that of the fractions is -0.67
    found = ba.compare({method: fitted}, test)
    assert {"log_score", "brier", "calibration_error", "auc_a", "auc_b"} <= set(found.columns)
    assert "crps" not in found.columns


def test_any_classifier_and_its_refusals(tables, tmp_path):
    from sklearn.tree import DecisionTreeClassifier

    train, test = tables
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    one = ba.baselines.Classifier(tree, calibrated=True).fit(train)
    assert one.score(test) > -0.6
    with pytest.raises(ValueError, match="another library"):
        one.save(tmp_path / "tree.nc")
    with pytest.raises(ValueError, match="with brackets"):
        ba.baselines.Classifier(DecisionTreeClassifier).fit(train)
    with pytest.raises(ValueError, match="random-forest"):
        ba.baselines.Classifier("forest").fit(train)
    with pytest.raises(ValueError, match="two classes or more"):
        ba.baselines.Classifier("lda").fit(train.replace(label=["a"] * 300))


def test_a_model_gives_its_counterpart_by_name():
    model = ba.MixtureClassifier(transform="log")
    assert model.baseline("svm").method == "svm"
    assert model.baseline().method == "random-forest"
    assert model.baseline().transform == "log"


def test_held_out_probabilities_are_of_others(tables):
    fitted = ba.baselines.Classifier("nearest-neighbours", calibrated=False).fit(tables[0])
    share, codes = fitted.held_out_probabilities()
    own = fitted.probability(tables[0])["probability"].values
    rows = np.arange(len(codes))
    assert np.log(share[rows, codes]).mean() < np.log(own[rows, codes]).mean() - 0.05
