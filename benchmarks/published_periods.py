"""Periods of stars and planets beside those published, with the agreement in sigma.

Reads tables that are not in the repository, from `../shared/data`. Where a period was published without an
error, the distance is in our own.

    uv run python benchmarks/published_periods.py [name ...]
"""

import sys
import time as clock
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
STARS, VELOCITIES = FOLDER / "a_variable_stars", FOLDER / "d_radial_velocity"


def magnitudes(name):
    """One of the light curves of OGLE and Hipparcos."""
    table = pd.read_csv(STARS / name)
    return ba.LightCurve(table.hjd, table["mag"], table.mag_err, value_unit="mag")


def velocities(name, unit=1.0, skip=0, columns=(0, 1, 2), instrument=None, delimiter=None):
    """Velocities in m/s."""
    text = np.loadtxt(VELOCITIES / name, dtype=str, skiprows=skip, delimiter=delimiter)
    time, value, error = (text[:, c].astype(float) for c in columns)
    band = None if instrument is None else text[:, instrument]
    return ba.LightCurve(
        time, unit * (value - np.median(value)), unit * error, band=band, value_unit="m/s"
    )


CASES = {  # data, settings, published periods with errors
    "51 Peg": (
        lambda: velocities("51peg.vels"),
        {"period": (2, 100), "jitter": True},
        [(4.23079, 0.00004)],
    ),
    "HD 164922": (
        lambda: ba.load("hd164922"),
        {"period": (2, 4000), "amplitude": False, "n_signals": 4},
        [(1201.1, 5.6), (75.765, 0.033), (41.763, 0.012), (12.4584, 0.0033)],
    ),
    "HD 69830": (
        lambda: velocities("HD69830_2006.dat", 1000.0, 2),
        {"period": (2, 1000), "n_signals": 3},
        [(197, 3), (31.56, 0.04), (8.667, 0.003)],
    ),
    "HD 158259": (
        lambda: velocities("HD158259_SOPHIE_OHPc.rdb", 1000.0, 2),
        {"period": (1.5, 500), "n_signals": "auto", "jitter": True},
        [(12.03, np.nan), (7.954, np.nan), (5.198, np.nan), (3.432, np.nan), (2.178, np.nan)],
    ),
    "TOI-141": (
        lambda: velocities("rvs_toi141.dat", instrument=3),
        {"period": (0.9, 50), "amplitude": False, "n_signals": "auto"},
        [(4.78503, 0.0005), (1.008035, 0.000021)],
    ),
    "K2-24": (
        lambda: velocities("epic203771098.csv", skip=1, columns=(2, 3, 1), delimiter=","),
        {"period": (5, 80), "jitter": True},
        [(20.8851, 0.0003)],
    ),
    "OGLE double mode": (
        lambda: magnitudes("ogle_double_mode_cepheid_175210.csv"),
        {"n_signals": 2, "n_terms": 3, "jitter": True},
        [(1 / 0.5433353, np.nan), (1 / 0.7410152, np.nan)],
    ),
    "OGLE beta Lyrae": (
        lambda: magnitudes("ogle_betalyr_eb_OGLE051951.22-694002.7.csv"),
        {"n_terms": (1, 2, 3, 4, 6), "jitter": True},
        [(1 / 1.510571586, np.nan)],
    ),
    "HIP 54101": (
        lambda: magnitudes("hipparcos_cepheid_HIP54101.csv"),
        {"n_terms": (1, 2, 3, 4), "jitter": True},
        [(1 / 0.060033386, np.nan)],
    ),
    "HIP 103684": (
        lambda: magnitudes("hipparcos_dscuti_HIP103684.csv"),
        {"n_terms": (1, 2, 3, 4), "jitter": True, "period": (0.04, 5)},
        [(1 / 14.88558646, np.nan)],
    ),
}


def row(found, sd, published, error, span):
    """Distance from one published period, of the nearest of those found; also in cycles of the time span."""
    nearest = int(np.argmin(np.abs(np.log(found / published))))
    width = np.hypot(sd[nearest], 0.0 if np.isnan(error) else error)
    return {
        "ours": f"{found[nearest]:.7g} +- {sd[nearest]:.2g}",
        "published": f"{published:.7g}" + ("" if np.isnan(error) else f" +- {error:.2g}"),
        "sigma": round((found[nearest] - published) / width, 1),
        "cycles": round(float(abs(1 / found[nearest] - 1 / published) * span), 2),
    }


if __name__ == "__main__":
    rows = []
    for name, (data, settings, published) in CASES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        start = clock.process_time()
        curve = data()
        model = ba.Periodogram(**settings).fit(curve, seed=1, progress=False)
        spent = clock.process_time() - start
        peaks = model.modes()
        top = peaks.groupby("signal").head(1) if "signal" in peaks else peaks.head(1)
        failed = ", ".join(one.name for one in model.diagnose() if one.passed is False)
        for k, (period, error) in enumerate(published):
            rows.append(
                {"name": name if k == 0 else ""}
                | row(top["period"].values, top["sd"].values, period, error, np.ptp(curve.time))
                | {
                    "signals": len(top) if k == 0 else "",
                    "log10 BF": f"{model.log_bayes_factor() / np.log(10):.1f}" if k == 0 else "",
                    "least mass": f"{top['mass'].min():.3f}" if k == 0 else "",
                    "failed": failed if k == 0 else "",
                    "CPU s": f"{spent:.1f}" if k == 0 else "",
                }
            )
    print(pd.DataFrame(rows).to_string(index=False))
