"""Periods of RR Lyrae stars of Stripe 82 (Sesar et al. 2010), by default and with the range of their kind.

One band; a period is right where its frequency is within two resolution elements of the published one.
Reads tables that are not in the repository, from `../shared/data`.

    uv run python benchmarks/stripe82.py [stars, default all] [harmonics, default 1 3] ...
"""

import gzip
import sys
import tarfile
import warnings
from pathlib import Path

import numpy as np

import bayes_astro as ba

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "a_variable_stars"


def published():
    """Periods by star."""
    with gzip.open(FOLDER / "s82_rrlyrae_table2.dat.gz", "rt") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {row[0]: float(row[2]) for row in rows}


def curves(periods):
    """Light curves in g with at least twenty rows, and their periods."""
    with tarfile.open(FOLDER / "s82_rrlyrae_table1.tar.gz") as archive:
        for member in archive.getmembers():
            star = Path(member.name).stem
            if not member.isfile() or star not in periods:
                continue
            time, value, error = np.loadtxt(archive.extractfile(member))[:, 5:8].T
            good = (value > 0) & (value < 40) & (error > 0) & (error < 5) & (time > 0)
            if good.sum() >= 20:
                columns = (column[good] for column in (time, value, error))
                yield ba.LightCurve(*columns, time_unit="d", name=star), periods[star]


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for n_terms in [int(n) for n in sys.argv[2:]] or [1, 3]:
        right, unsaid, stars = {"default": 0, "range given": 0}, 0, 0
        for data, period in curves(published()):
            if stars == most:
                break
            stars += 1
            for name, limits in (("default", None), ("range given", (0.2, 1.25))):
                model = ba.Periodogram(n_terms, period=limits, jitter=True)
                model.fit(data, ba.Exact(draws=500), seed=1, progress=False)
                found = model.modes()["frequency"][0]
                good = abs(found - 1 / period) < 2 / np.ptp(data.time)
                right[name] += int(good)
                if not good and limits is None:
                    unsaid += all(check.passed for check in model.diagnose())
        print(
            f"{n_terms} harmonics, {stars} stars: right {right}; wrong without a remark: {unsaid}"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
