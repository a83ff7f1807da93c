"""Classes of SDSS objects: scores clean and degraded, populations that differ, cost, beside scikit-learn.

    python benchmarks/classes.py [--quick] [--only PART ...]

Reads 9882 labelled stars, galaxies and quasars with ugriz magnitudes from the folder
``shared/data/f_star_galaxy_quasar`` beside the repository, and divides them 70 to 30.

- ``scores``: log score, Brier, calibration error, AUC of quasars on the test set as it is; with 30% of
  the bands removed; with noise of ten times the errors added, and stated; trained on the brighter half and
  tested on the fainter.
- ``shift``: 600 test objects in other fractions of the classes, 200 times (20 with --quick): coverage of
  their intervals, and the log score before and after `adapt`.
- ``cost``: CPU seconds of training and objects classified each CPU second.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba
from bayes_astro.classes.scores import class_scores

TABLE = (
    Path(__file__).resolve().parents[2]
    / "shared/data/f_star_galaxy_quasar/sdss_labelled_ugriz.csv.gz"
)
METHODS = (
    "gradient-boosting", "random-forest", "logistic-regression", "gmm-bayes", "svm",
    "nearest-neighbours", "kde-bayes", "qda", "lda", "naive-bayes",
)  # fmt: skip

DIAGNOSED = 20  # populations, as a diagnosis takes longer than all the rest


def sources():
    """The random sample, as photometry with labels."""
    table = pd.read_csv(TABLE).query("sample == 'random'")
    magnitude = table[[f"dered_{band}" for band in "ugriz"]].to_numpy()
    error = table[[f"err_{band}" for band in "ugriz"]].to_numpy()
    return ba.Photometry.from_magnitudes(
        magnitude, error, tuple("ugriz"), label=table["class"].to_numpy()
    )


def divided(data, seed=0):
    """70 and 30 per cent."""
    order = np.random.default_rng(seed).permutation(len(data))
    cut = int(0.7 * len(data))
    return data[np.sort(order[:cut])], data[np.sort(order[cut:])]


def row(model, test):
    """Log score and the others."""
    names = list(model.classes)
    codes = test.codes(names)
    share = model.probability(test)["probability"].values
    log_score = float(np.mean(np.log(share[np.arange(len(codes)), codes])))
    return {"log_score": log_score} | class_scores(share, codes, names)


def models(train, methods):
    """The model with its defaults and with brightness, and classifiers."""
    found = {
        "MixtureClassifier": ba.MixtureClassifier(),
        "the same, brightness=True": ba.MixtureClassifier(brightness=True),
    }
    found = {name: one.fit(train, seed=1, progress=False) for name, one in found.items()}
    base = ba.MixtureClassifier()
    return found | {name: base.baseline(name).fit(train) for name in methods}


def noisier(data, factor, seed):
    """Noise added so that errors are `factor` times as large, and are stated so."""
    rng = np.random.default_rng(seed)
    more = data.error * np.sqrt(factor**2 - 1) * rng.normal(size=data.flux.shape)
    return data.replace(flux=data.flux + more, error=factor * data.error)


def scores(quick):
    """The test set as it is, and degraded."""
    data = sources()
    train, test = divided(data)
    rng = np.random.default_rng(3)
    gone = rng.uniform(size=test.flux.shape) < 0.3
    gone[gone.all(axis=1), 2] = False
    without = test.replace(flux=np.where(gone, np.nan, test.flux))
    methods = METHODS[:3] if quick else METHODS
    fitted = models(train, methods)
    tests = {
        "clean": test, "30% of the bands missing": without,
        "errors ten times": noisier(test, 10, 4),
    }  # fmt: skip
    for name, one in tests.items():
        print(f"\n{name}: {len(train)} train, {len(one)} are tested")
        print(_table({key: row(model, one) for key, model in fitted.items()}))
    r = data.flux[:, data.bands.index("r")]
    bright = r > np.median(r)
    fitted = models(data[bright], methods[:3])
    target = data[~bright]
    print(f"\ntrained on the brighter half, tested on the fainter: {len(target)}")
    found = {key: row(model, target) for key, model in fitted.items()}
    model = fitted["MixtureClassifier"]
    adapted = model.adapt(target, seed=1)
    found["MixtureClassifier, adapted to the fainter"] = row(adapted, target)
    print(_table(found))
    print(adapted.diagnose())


def _table(rows):
    found = pd.DataFrame.from_dict(rows, orient="index").sort_values("log_score", ascending=False)
    return found[["log_score", "brier", "calibration_error", "auc_QSO", "accuracy"]].round(4)


def shift(quick):
    """Coverage of the fractions of other populations."""
    train, test = divided(sources())
    model = ba.MixtureClassifier().fit(train, seed=1, progress=False)
    names = list(model.classes)
    codes, rng = test.codes(names), np.random.default_rng(0)
    repeats = 20 if quick else 200
    inside, off, logs, failed = np.zeros((2, 3)), [], [], 0
    for repeat in range(repeats):
        fraction = np.maximum(rng.dirichlet([2.0, 2.0, 2.0]), 0.02)
        fraction /= fraction.sum()
        counts = rng.multinomial(600, fraction)
        rows = np.concatenate([
            rng.choice(own := np.flatnonzero(codes == c), min(counts[c], len(own)), replace=False)
            for c in range(3)
        ])  # fmt: skip
        target = test[rows]
        adapted = model.adapt(target, seed=repeat)
        table = adapted.fractions()
        inside += [
            (table["q16"] <= fraction) & (fraction <= table["q84"]),
            (table["q025"] <= fraction) & (fraction <= table["q975"]),
        ]
        off.append(table["mean"].to_numpy() - fraction)
        logs.append([row(one, target)["log_score"] for one in (model, adapted)])
        if repeat < DIAGNOSED:
            failed += not adapted.diagnose()["objects like those that trained"].passed
    print(f"\n{repeats} populations of 600: {', '.join(names)}")
    print("68 and 95% intervals hold the truth in", (inside / repeats).round(3).tolist())
    print("mean and sd of the error", np.mean(off, axis=0).round(4), np.std(off, axis=0).round(4))
    print("log score before and after", np.mean(logs, axis=0).round(4))
    print(f"of the first {DIAGNOSED} called unlike those that trained:", failed)


def cost(quick):
    """Training, and objects a second."""
    train, test = divided(sources())
    rows = {}
    for name in ("MixtureClassifier", *(METHODS[:3] if quick else (*METHODS[:3], "svm"))):
        own = name == "MixtureClassifier"
        model = ba.MixtureClassifier() if own else ba.baselines.Classifier(name)
        model.fit(train[::20], seed=1, progress=False)  # compiles
        began = time.process_time()
        model.fit(train, seed=1, progress=False)
        model.probability(test[:5])
        taken = time.process_time() - began
        began = time.process_time()
        model.probability(test)
        each = len(test) / (time.process_time() - began)
        rows[name] = {
            "CPU s": taken, "objects / CPU s": each, "log score": row(model, test)["log_score"]
        }  # fmt: skip
    print("\ncost")
    print(pd.DataFrame.from_dict(rows, orient="index").round(3))


PARTS = {"scores": scores, "shift": shift, "cost": cost}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args()
    if not TABLE.exists():
        raise SystemExit(f"{TABLE.name} is not there: put it into {TABLE.parent.name} as above.")
    pd.set_option("display.width", 120, "display.max_columns", 10)
    for part in asked.only:
        PARTS[part](asked.quick)
