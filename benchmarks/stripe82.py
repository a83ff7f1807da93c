"""Periods of RR Lyrae stars of Stripe 82 (Sesar et al. 2010), by default and with the range of their kind.

In one band and in all; a period is right where its frequency is within two resolution elements of the published
one. Reads tables that are not in the repository, from `../shared/data`.

    uv run python benchmarks/stripe82.py [stars, default all] [--one-band | --thinned | --peers]

Without a word: all bands, with all defaults and with the range. `--one-band`: g alone, one harmonic and three.
`--thinned`: one random band a night. `--peers`: astropy's multiband Lomb-Scargle, and Lomb-Scargle in g.
"""

import gzip
import sys
import tarfile
import warnings
from pathlib import Path

import numpy as np

import bayes_astro as ba

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "a_variable_stars"
RANGE = (0.2, 1.25)


def published():
    """Periods by star."""
    with gzip.open(FOLDER / "s82_rrlyrae_table2.dat.gz", "rt") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {row[0]: float(row[2]) for row in rows}


def curves(periods):
    """Light curves in five bands, and their periods."""
    with tarfile.open(FOLDER / "s82_rrlyrae_table1.tar.gz") as archive:
        for member in archive.getmembers():
            star = Path(member.name).stem
            if not member.isfile() or star not in periods:
                continue
            table = np.loadtxt(archive.extractfile(member))
            columns, bands = [], []
            for k, band in enumerate("ugriz"):
                time, value, error = table[:, 2 + 3 * k : 5 + 3 * k].T
                good = (value > 0) & (value < 40) & (error > 0) & (error < 5) & (time > 0)
                columns.append(np.array([time[good], value[good], error[good]]))
                bands += [band] * int(good.sum())
            time, value, error = np.concatenate(columns, axis=1)
            yield (
                ba.LightCurve(time, value, error, band=bands, value_unit="mag", name=star),
                periods[star],
            )


def thinned(data, seed):
    """One random band of each night."""
    rng = np.random.default_rng([82, seed])
    night = np.floor(data.time - 0.5).astype(int)
    keep = np.zeros(len(data), dtype=bool)
    for one in np.unique(night):
        rows = np.flatnonzero(night == one)
        chosen = rng.choice(np.unique(data.band[rows]))
        keep[rows[data.band[rows] == chosen][0]] = True
    return data[keep]


def judged(model, stars, **how):
    """Share of the top peaks that are right, mean mass on the true period, and what was missed."""
    right, mass, silent, missed = 0, 0.0, 0, []
    for data, period in stars:
        fit = model.copy().fit(data, ba.Exact(draws=1000), seed=1, progress=False, **how)
        modes = fit.modes(0.0)
        near = np.abs(modes["frequency"] - 1 / period) < 2 / np.ptp(data.time)
        mass += modes["mass"][near].sum()
        right += bool(near[0])
        if not near[0]:
            missed.append(f"{data.name}: {period:.5f}, found {modes['period'][0]:.5f}")
            silent += all(check.passed for check in fit.diagnose())
    n = len(stars)
    print(
        f"  right {right} of {n} ({right / n:.1%}), mean mass {mass / n:.3f}; wrong without a remark {silent}"
    )
    return missed


def of_baseline(stars, **settings):
    right = 0
    for data, period in stars:
        fit = ba.baselines.LombScargle(**settings).fit(data)
        found = float(fit.posterior["posterior"]["frequency"].item())
        right += abs(found - 1 / period) < 2 / np.ptp(data.time)
    print(f"  right {right} of {len(stars)} ({right / len(stars):.1%})")


def main() -> None:
    words = [word for word in sys.argv[1:] if word.startswith("--")]
    counts = [int(word) for word in sys.argv[1:] if not word.startswith("--")]
    stars = list(curves(published()))[: counts[0] if counts else None]
    if "--one-band" in words:
        g = [(data.select("g"), period) for data, period in stars]
        g = [(data, period) for data, period in g if len(data) >= 20]
        for n_terms in (1, 3):
            for limits in (None, RANGE):
                print(f"g band, {n_terms} harmonics, period={limits}")
                judged(ba.Periodogram(n_terms, period=limits, jitter=True), g)
        return
    if "--peers" in words:
        print("astropy's multiband Lomb-Scargle, one harmonic")
        of_baseline(stars, period=RANGE)
        print("Lomb-Scargle in g")
        of_baseline([(data.select("g"), period) for data, period in stars], period=RANGE)
        print("supersmoother in g, published (VanderPlas & Ivezic 2015): 87.2%")
        return
    if "--thinned" in words:
        few = [(thinned(data, i), period) for i, (data, period) in enumerate(stars)]
        print("one random band a night (published multiband Lomb-Scargle: 64%)")
        judged(ba.Periodogram(period=RANGE, search="coarse-to-fine"), few)
        print("astropy's multiband Lomb-Scargle on the same")
        of_baseline(few, period=RANGE)
        return
    for title, model in (
        ("all bands, all defaults", ba.Periodogram()),
        (f"all bands, period={RANGE}", ba.Periodogram(period=RANGE)),
    ):
        print(title)
        print("  " + "\n  ".join(judged(model, stars)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
