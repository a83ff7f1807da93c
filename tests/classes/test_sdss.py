"""Stars, galaxies and quasars of SDSS whose classes their spectra tell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_astro as ba

TABLE = (
    Path(__file__).resolve().parents[3]
    / "shared/data/f_star_galaxy_quasar/sdss_labelled_ugriz.csv.gz"
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not TABLE.exists(), reason=f"needs {TABLE.name} in shared/data beside the repository"
    ),
]


@pytest.fixture(scope="module")
def sources():
    table = pd.read_csv(TABLE).query("sample == 'random'")
    magnitude, error = (
        table[[f"{kind}_{band}" for band in "ugriz"]].to_numpy() for kind in ("dered", "err")
    )
    data = ba.Photometry.from_magnitudes(
        magnitude, error, tuple("ugriz"), label=table["class"].to_numpy()
    )
    order = np.random.default_rng(0).permutation(len(data))
    return data[np.sort(order[:3000])], data[np.sort(order[3000:6000])]


@pytest.fixture(scope="module")
def fitted(sources):
    model = ba.MixtureClassifier(n_fits=6).fit(sources[0], seed=1, progress=False)
    boosted = model.baseline("gradient-boosting").fit(sources[0])
    return model, boosted


def test_scores_are_those_of_the_best_classifiers(sources, fitted):
    table = ba.compare(dict(zip(("bayes", "boosted"), fitted, strict=True)), sources[1])
    assert table.loc["bayes", "log_score"] > table.loc["boosted", "log_score"] - 0.01
    assert table.loc["bayes", "log_score"] > -0.17
    assert table.loc["bayes", "calibration_error"] < 0.01
    assert table.loc["bayes", "auc_QSO"] > 0.99
    assert fitted[0].diagnose()


def test_missing_bands_cost_little(sources, fitted):
    test = sources[1]
    gone = np.random.default_rng(3).uniform(size=test.flux.shape) < 0.3
    gone[gone.sum(axis=1) > 3] = False
    test = test.replace(flux=np.where(gone, np.nan, test.flux))
    bayes, boosted = (one.score(test) for one in fitted)
    assert bayes > -0.35
    assert bayes > boosted + 0.3


def test_fractions_of_other_populations(sources, fitted):
    test, model = sources[1], fitted[0]
    codes, rng = test.codes(model.classes), np.random.default_rng(2)
    inside = []
    for _ in range(8):
        fraction = np.maximum(rng.dirichlet([2.0, 2.0, 2.0]), 0.05)
        counts = rng.multinomial(400, fraction / fraction.sum())
        rows = np.concatenate(
            [rng.choice(np.flatnonzero(codes == c), counts[c], replace=False) for c in range(3)]
        )
        table = model.adapt(test[rows], seed=1).fractions()
        true = fraction / fraction.sum()
        inside.append(((table["q025"] <= true) & (true <= table["q975"])).mean())
    assert np.mean(inside) > 0.8
