"""Members of clusters: cost of 100,000 stars, and scores over real field stars, beside clusterings.

    python benchmarks/membership.py [--json] [--quick] [--only PART ...]

- ``large``: CPU seconds for 95,000 field stars and a cluster of 5000, the model by its default (Laplace)
  and with its checks, beside scikit-learn's GaussianMixture (8 Gaussians, ten starts as tuned users have
  them, and one) and HDBSCAN; log score, completeness and purity at one half.
- ``scores``: 120 members among 2000 stars, twenty times (three with --quick): completeness, purity, log
  score, and members found in bins of what was predicted. Field stars are real ones, from the folder
  ``shared/data/m_clusters`` beside the repository where that is there (without the stars of NGC 103, within
  0.4 mas/yr of its proper motion), else simulated; the guess is within 0.2 of the truth.

A log score is the mean log probability given to what each star is; hard assignments are taken as 0.99 and
0.01.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba

REAL = Path(__file__).resolve().parents[2] / "shared/data/m_clusters/asteca_field_gaia.csv.gz"
COLUMNS = {
    "names": ("parallax", "pmra", "pmdec"), "units": ("mas", "mas/yr", "mas/yr"),
}  # fmt: skip
CENTRE, SPREAD = np.array([0.9, -3.5, 1.5]), np.array([0.03, 0.08, 0.08])
WEIGHTS = (0.5, 0.35, 0.15)
MEANS = np.array([[0.35, -1.2, -0.6], [0.8, -2.0, -1.0], [0.6, 0.0, 0.0]])
WIDTHS = np.array([[0.2, 1.2, 0.7], [0.5, 3.0, 2.0], [1.0, 8.0, 6.0]])
EDGES = (0, 0.02, 0.2, 0.4, 0.6, 0.8, 0.98, 1.001)
NAMES = ("ClusterGaussianMixture", "ClusterDBSCAN", "ClusterHDBSCAN", "ClusterKMeans")


def real_field():
    """Values and errors of the stars about NGC 103 without the cluster's own, or None."""
    if not REAL.exists():
        return None
    table = pd.read_csv(REAL)
    value = table[["Plx", "pmRA", "pmDE"]].to_numpy()
    error = table[["e_Plx", "e_pmRA", "e_pmDE"]].to_numpy()
    away = np.hypot(value[:, 1] + 2.8, value[:, 2] + 1.07) > 0.4
    good = away & np.isfinite(value).all(axis=1) & np.isfinite(error).all(axis=1)
    return value[good], error[good]


def stars(n, members, seed, field=None):
    """Field and cluster in random order, and who is a member."""
    rng = np.random.default_rng(seed)
    if field is None:
        kind = rng.choice(3, n, p=WEIGHTS)
        error = rng.gamma(4.0, 0.025, (n, 1)) * np.array([1.0, 0.9, 1.0]) + 0.01
        value = (
            MEANS[kind] + WIDTHS[kind] * rng.normal(size=(n, 3)) + error * rng.normal(size=(n, 3))
        )
    else:
        rows = rng.choice(len(field[0]), n, replace=n > len(field[0]))
        value, error = field[0][rows], field[1][rows]
    own = error[rng.choice(n, members)]
    true = CENTRE + SPREAD * rng.normal(size=(members, 3))
    value = np.concatenate([value, true + own * rng.normal(size=(members, 3))])
    error = np.concatenate([error, own])
    order = rng.permutation(n + members)
    return ba.Measurements(value[order], error[order], **COLUMNS), (np.arange(n + members) >= n)[
        order
    ]


def judged(probability, truth):
    """Completeness and purity at one half, and the log score."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    if set(np.unique(probability)) <= {0.0, 1.0}:
        p = np.where(probability > 0.5, 0.99, 0.01)
    chosen = probability > 0.5
    return {
        "completeness": float(truth[chosen].sum() / truth.sum()),
        "purity": float(truth[chosen].mean()) if chosen.any() else float("nan"),
        "log_score": float(np.mean(np.log(np.where(truth, p, 1 - p)))),
    }


def timed(function):
    """CPU seconds of a call, and what it gives."""
    begin = time.process_time()
    found = function()
    return time.process_time() - begin, found


def large(quick):
    """One large field."""
    from sklearn.cluster import HDBSCAN
    from sklearn.mixture import GaussianMixture

    n, members = (19_000, 1000) if quick else (95_000, 5000)
    data, truth = stars(n, members, 1)
    warm, _ = stars(2000, 100, 2)
    ba.ClusterMembership(field=2).fit(warm, ba.Laplace(draws=400), seed=1, progress=False)
    seconds, model = timed(lambda: ba.ClusterMembership().fit(data, seed=1, progress=False))
    p = model.probability(draws=50)["mean"].to_numpy()
    summary = model.summary()
    found = {
        "ClusterMembership": {"cpu": seconds, **judged(p, truth)},
        "efficiency": float(model.posterior["sample_stats"].attrs["importance_efficiency"]),
        "parallax": summary.loc["mean[parallax]", ["mean", "sd"]].tolist(),
    }
    scaled = (data.value - data.value.mean(axis=0)) / data.value.std(axis=0)
    centre = (CENTRE - data.value.mean(axis=0)) / data.value.std(axis=0)
    for starts in (1, 10):
        mixture = GaussianMixture(8, n_init=starts, random_state=0, max_iter=500)
        seconds, fit = timed(lambda mixture=mixture: mixture.fit(scaled))
        each = fit._estimate_weighted_log_prob(centre[None])[0]
        own = fit.predict_proba(scaled)[:, int(np.argmax(each))]
        found[f"GaussianMixture, {starts}"] = {"cpu": seconds, **judged(own, truth)}
    few = 20_000 if quick else 100_000
    seconds, labels = timed(
        lambda: HDBSCAN(min_cluster_size=few // 100, copy=True).fit_predict(scaled[:few])
    )
    near = np.argsort(np.sum((scaled[:few] - centre) ** 2, axis=1))[:50]
    inside = labels[near][labels[near] >= 0]
    mine = labels == (np.bincount(inside).argmax() if len(inside) else -2)
    found["HDBSCAN"] = {"cpu": seconds, **judged(mine.astype(float), truth[:few])}
    return found


def scores(quick):
    """Many small fields."""
    field, times = real_field(), 3 if quick else 20
    every = {name: ([], []) for name in ("ClusterMembership", *NAMES)}
    seconds = dict.fromkeys(every, 0.0)
    for seed in range(times):
        data, truth = stars(2000, 120, 100 + seed, field)
        rng = np.random.default_rng(seed)
        guess = dict(zip(COLUMNS["names"], CENTRE + rng.uniform(-0.2, 0.2, 3), strict=True))
        for name, (values, truths) in every.items():
            if name == "ClusterMembership":
                model, options = ba.ClusterMembership(guess=guess), {"seed": 1, "progress": False}
                options["sampler"] = ba.NUTS(draws=300, tune=300, chains=2)
            else:
                model, options = getattr(ba.baselines, name)(guess=guess), {}
            own, fit = timed(lambda m=model, d=data, o=options: m.fit(d, **o))
            seconds[name] += own / times
            values.append(fit.probability()["mean"].to_numpy())
            truths.append(truth)
    found = {"field": "simulated" if field is None else "real", "fields": times}
    for name, (values, truths) in every.items():
        p, t = np.concatenate(values), np.concatenate(truths)
        found[name] = judged(p, t) | {"cpu": seconds[name]}
    p, t = (np.concatenate(x) for x in every["ClusterMembership"])
    which = np.digitize(p, EDGES) - 1
    found["predicted, found"] = [
        (round(float(p[which == k].mean()), 3), round(float(t[which == k].mean()), 3))
        for k in range(len(EDGES) - 1)
        if (which == k).any()
    ]
    return found


PARTS = {"large": large, "scores": scores}


def main():
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    found = {name: PARTS[name](given.quick) for name in given.only}
    if given.json:
        print(json.dumps(found, indent=1))
        return
    for name, results in found.items():
        print(name)
        for key, value in results.items():
            print(f"  {key}: {value}")


if __name__ == "__main__":
    main()
