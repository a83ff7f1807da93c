"""Do quasars without a period have one? Simulated damped random walks, with white noise and with the right one.

Series of the length and sampling of Stripe 82 quasars (60 points in nine yearly seasons), without a period and
with a sinusoid; how often each model claims a period (Bayes factor above 100), whether the white-noise model
is flagged by its diagnosis, and how often the injected period is found.

    uv run python benchmarks/red_noise.py [series, default 200 | --quasars]

`--quasars`: 14 quasars behind the Magellanic Clouds (Geha et al. 2003) and 21 of Palomar-Green (Giveon et al.
1999) among the light curves of Burke et al. (2021), from `../shared/data`.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba

CLAIM = np.log(100)
KERNEL = ba.kernels.DampedRandomWalk()
RANGE = (60, 1500)
MOST = 150  # points of a real quasar, of which every second, third, ... is taken


def quasar(seed, amplitude=0.0, period=230.0):
    """A light curve, of damping times of 100 to 1000 d and amplitudes of 0.1 to 0.3 mag."""
    rng = np.random.default_rng([7, seed])
    nights = np.concatenate(
        [365.25 * k + rng.uniform(0, 90, rng.integers(4, 10)) for k in range(9)]
    )
    time = np.sort(nights)
    sigma, tau = 10 ** rng.uniform(-1.0, -0.5), 10 ** rng.uniform(2.0, 3.0)
    covariance = sigma**2 * np.exp(-np.abs(time[:, None] - time) / tau)
    error = rng.uniform(0.01, 0.03, len(time))
    value = np.linalg.cholesky(covariance + 1e-12 * np.eye(len(time))) @ rng.normal(size=len(time))
    value += amplitude * sigma * np.sin(2 * np.pi * time / period + 6.28 * rng.random())
    return ba.LightCurve(
        time, 19 + value + error * rng.normal(size=len(time)), error, value_unit="mag"
    )


def observed():
    """Name and light curve of real quasars, none of which is known to be periodic."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "b_agn_quasar_lightcurves"
    points = pd.read_csv(folder / "burke2021_agn_lightcurves.csv.gz").groupby("lc_id")
    table = pd.read_csv(folder / "burke2021_agn_summary.csv")
    for source in ("Geha", "Giveon"):
        chosen = table[table["LC_ref"].astype(str).str.startswith(source)]
        for row in chosen.head(27).itertuples():
            some = points.get_group(row.lc_id).drop_duplicates("t")
            some = some[(some["yerr"] > 0) & np.isfinite(some["y"])]
            some = some.iloc[:: 1 + len(some) // MOST]
            yield row.name, ba.LightCurve(some["t"], some["y"], some["yerr"])


def quasars() -> None:
    """How many of the real ones have a period, in white noise and in that of a walk."""
    names, claims = [], {"white": 0, "white, not flagged": 0, "walk": 0, "walk, not flagged": 0}
    for name, data in observed():
        span = np.ptp(data.time)
        for label, noise in (("white", "white"), ("walk", KERNEL)):
            model = ba.Periodogram(period=(30, span / 1.5), noise=noise, jitter=True)
            model.fit(data, ba.Exact(400), seed=1, progress=False)
            claim = model.log_bayes_factor() > CLAIM
            good = bool(model.diagnose())
            claims[label] += claim
            claims[f"{label}, not flagged"] += claim and good
            if label == "walk" and claim:
                names.append(f"{name} (log10 BF {model.log_bayes_factor() / np.log(10):.1f})")
        print(name, claims, flush=True)
    print("a Bayes factor above 100 in the noise of a walk:", ", ".join(names) or "none")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    claimed, flagged, red, sound, found = 0, 0, 0, 0, 0
    strong = max(count // 4, 1)
    for seed in range(count):
        data = quasar(seed)
        white = ba.Periodogram(period=RANGE).fit(data, ba.Exact(400), seed=1, progress=False)
        claimed += white.log_bayes_factor() > CLAIM
        flagged += not white.diagnose()
        model = ba.Periodogram(period=RANGE, noise=KERNEL)
        model.fit(data, ba.Exact(400), seed=1, progress=False)
        red += model.log_bayes_factor() > CLAIM
        sound += bool(model.diagnose())
    for seed in range(strong):
        data = quasar(1000 + seed, amplitude=1.5)
        model = ba.Periodogram(period=RANGE, noise=KERNEL)
        model.fit(data, ba.Exact(400), seed=1, progress=False)
        right = abs(model.modes()["frequency"][0] - 1 / 230) < 1 / np.ptp(data.time)
        found += model.log_bayes_factor() > CLAIM and right
    print(f"without a period, {count} series: a Bayes factor above 100")
    print(f"  white noise {claimed}, of all series flagged by the diagnosis {flagged}")
    print(f"  damped random walk {red}, no check failed {sound}")
    print(f"with a sinusoid of 1.5 sigma, {strong} series: found by the damped random walk {found}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--quasars" in sys.argv:
        quasars()
    else:
        main()
