"""Does `ba.Periodogram()` with all defaults find the periods of surveys' stars?

Stars are simulated at samplings like those of six surveys. Each is fitted with the default range and with
a range about the periods of its kind, as somebody would who knows it. A period is right where its
frequency is within half a cycle in the time span of the truth; wrong where it is not and no check failed
or noted anything. Periods below four hours, which the default range leaves out on ground, are not among
them.

    uv run python benchmarks/survey_periods.py [stars of each survey, default 34] [survey ...]
"""

import sys
import time as clock
import warnings

import numpy as np
import pandas as pd

import bayes_astro as ba

KINDS = {  # periods [d], semi-amplitude of the first two harmonics [mag]
    "RR Lyrae": ((0.3, 0.9), (0.30, 0.12)),
    "Cepheid": ((2.0, 30.0), (0.25, 0.08)),
    "long-period": ((80.0, 450.0), (0.6, 0.1)),
    "rotation": ((1.5, 12.0), (0.01, 0.004)),
}


def nights(rng, span, n, season):
    """Visits of a survey from the ground: by night, in seasons, sometimes twice a night."""
    day = np.arange(int(span))
    day = day[(day % 365.25) < season * 365.25]
    chosen = np.sort(rng.choice(day, n, replace=False))
    time = chosen + rng.uniform(-0.17, 0.17, n)
    again = rng.uniform(size=n) < 0.3
    return np.sort(np.concatenate([time, time[again] + 0.022]))


def scanning(rng, span, groups, rotation, between, most):
    """Transits of a scanning satellite: both fields of view, a few rotations, weeks apart."""
    time = []
    for start in np.sort(rng.uniform(0, span, groups)):
        for turn in range(rng.integers(1, most + 1)):
            time += [start + turn * rotation, start + turn * rotation + between]
    return np.unique(np.array(time) + 1e-4 * rng.normal(size=len(time)))


def regular(rng, span, cadence, gap):
    """A cadence from space, with a gap for the downlink and lost rows."""
    time = np.arange(0, span, cadence)
    middle = span * rng.uniform(0.45, 0.55)
    kept = (np.abs(time - middle) > gap / 2) & (rng.uniform(size=len(time)) > 0.02)
    return time[kept]


SURVEYS = {  # sampling, error of one row [mag], kinds of stars
    "Rubin": (lambda r: nights(r, 3650, 140, 0.55), 0.02, ("RR Lyrae", "Cepheid", "long-period")),
    "ZTF": (lambda r: nights(r, 1100, 180, 0.6), 0.04, ("RR Lyrae", "Cepheid", "long-period")),
    "Kepler": (lambda r: regular(r, 90, 0.02043, 1.0), 0.002, ("rotation", "RR Lyrae")),
    "TESS": (lambda r: regular(r, 27, 0.00694, 1.2), 0.004, ("rotation", "RR Lyrae")),
    "Hipparcos": (lambda r: scanning(r, 1160, 28, 0.0889, 0.0142, 4), 0.04, ("RR Lyrae", "Cepheid")),
    "Gaia": (lambda r: scanning(r, 1000, 20, 0.25, 0.074, 2), 0.02, ("RR Lyrae", "Cepheid")),
}  # fmt: skip


def star(rng, survey):
    """A light curve, its period, and the periods of its kind."""
    sampling, error, kinds = SURVEYS[survey]
    kind = kinds[rng.integers(len(kinds))]
    (low, high), (first, second) = KINDS[kind]
    time = sampling(rng)
    most = min(high, 0.4 * np.ptp(time))
    period = np.exp(rng.uniform(np.log(low), np.log(most)))
    angle = 2 * np.pi * time / period + rng.uniform(0, 2 * np.pi)
    errors = error * np.exp(0.2 * rng.normal(size=len(time)))
    value = 17 + first * np.cos(angle) + second * np.cos(2 * angle + rng.uniform(0, 2 * np.pi))
    value = value + errors * rng.normal(size=len(time))
    return ba.LightCurve(time, value, errors, time_unit="d"), period, (0.7 * low, 1.4 * high)


def found(data, true, limits):
    """Whether the period is right, whether the diagnosis says that something is wrong, and seconds."""
    begin = clock.perf_counter()
    model = ba.Periodogram(period=limits) if limits else ba.Periodogram()
    model.fit(data, ba.Exact(draws=500), seed=1, progress=False)
    seconds = clock.perf_counter() - begin
    best = model.modes()["frequency"][0]
    right = abs(best - 1 / true) < 0.5 / np.ptp(data.time)
    return right, not right and model.diagnose().passed, seconds, 1 / best


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 34
    rows = []
    for survey in sys.argv[2:] or SURVEYS:
        default, given, n = [], [], []
        for seed in range(count):
            data, period, limits = star(np.random.default_rng(seed), survey)
            n.append(len(data))
            default.append(found(data, period, None))
            given.append(found(data, period, limits))
            for name, one in (("default", default), ("range given", given)):
                if not one[-1][0]:
                    print(
                        f"  {survey} {seed}, {name}: {one[-1][3]:.5g} d for {period:.5g} d",
                        flush=True,
                    )
        rows.append(
            {
                "survey": survey,
                "rows": int(np.median(n)),
                "stars": count,
                "right by default": sum(one[0] for one in default),
                "with the range": sum(one[0] for one in given),
                "wrong, unsaid": sum(one[1] for one in default),
                "s a fit": np.median([one[2] for one in default]),
            }
        )
    table = pd.DataFrame(rows)
    print(table.round(2).to_string(index=False))
    print(table[["stars", "right by default", "with the range", "wrong, unsaid"]].sum().to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
