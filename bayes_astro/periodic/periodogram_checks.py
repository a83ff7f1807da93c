"""Is a period to be trusted: what its residuals hold, what else could be, and what was searched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bayes_astro import residuals
from bayes_astro.data.curve import Curve
from bayes_astro.diagnostics import Check, goodness_of_fit
from bayes_astro.periodic import aliases, harmonics, signal_left
from bayes_astro.priors import recorded

__all__ = ["CLOSE", "LARGE", "ONE", "SPARE", "checks", "parameters"]

LEFT = "the residuals hold more than white noise"
REMEDY = (
    "n_terms, n_signals or trend may be too low, or the variability is no sum of periods: compare with "
    "ba.GaussianProcess by its log_evidence"
)
NEAR = 10  # cycles of the time span, to each side of the frequency
LOUD = 1.5  # power of the noise there, over what was assumed
OTHER = 7.0  # nats: reached by one right model in a thousand at most
ONE = 0.95  # mass of the highest peak, below which several share the posterior
SPARE = 3  # points beyond the parameters
CLOSE = 1.5  # over the time span: two frequencies that cannot be told from one that changes
MIXED = 3.0  # times the width of the highest peak, from where mean and sd are those of several
LARGE = 2.0  # times the errors, from where jitter is more than a correction
ONE_PEAK = ("NUTS", "Emcee", "Laplace", "MAP")


def checks(model: Any) -> list[Check]:
    """What the residuals hold, whether one peak holds the posterior, and what was searched."""
    advice = "raise n_terms" + ("" if model.noisy(model.data) else ", or fit with jitter=True")
    rows = residuals.of_draws(model)
    checks = [
        goodness_of_fit(model, advice),
        *_white(model, rows),
        _another_period(model),
        _within_the_range(model),
        *residuals.with_sign(rows, model.data.error),
        _noise(model),
    ]
    checks.append(_enough(model))
    if "signals" in model.posterior and isinstance(model.n_signals, str):
        checks.append(_how_many(model))
    if "periodogram" in model.posterior:
        checks += _peaks(model)
    elif (model.record["sampler"] or {}).get("name") in ONE_PEAK:
        checks.append(_other_periods(model))
    return checks


def _enough(model: Any) -> Check:
    """Points for the parameters that are fitted, those that bands have for themselves not counted."""
    draws = model.posterior["posterior"]
    shapes = {str(name): one.shape[2:] for name, one in draws.data_vars.items()}
    count, points = parameters(shapes), len(model.data)
    return Check(
        "points for its parameters",
        False if points < count + SPARE else True if points >= 2 * count else None,
        float(points / count),
        f"{points} points for {count} parameters: any values of so few could be fitted so well",
        f"points over parameters, 2 or more; {SPARE} points more than parameters",
    )


def parameters(shapes: dict[str, tuple[int, ...]]) -> int:
    """How many there are in variables of these shapes, of amplitudes those that bands have in common."""
    plain = ("frequency", "offset", "trend", "slope", "jitter")
    signals = int(np.prod(shapes["frequency"], dtype=int))
    count = sum(int(np.prod(shapes[name], dtype=int)) for name in plain if name in shapes)
    return count + 2 * signals * shapes["amplitude"][-1]


def _how_many(model: Any) -> Check:
    """Whether another number of signals is as probable as the one that was chosen."""
    counts = model.posterior["signals"]
    share = float(counts["probability"].sel(n_signals=model.signals()))
    other = int(counts["n_signals"].values[np.argmax(counts["probability"].values)])
    return Check(
        "number of signals",
        True if share > ONE else None if share > 1 - ONE else False,
        share,
        f"{other} are the most probable, though not by enough to be taken without asking: compare with "
        f"n_signals={max(other, 1)}"
        if other != model.signals()
        else "another number is possible: see the group 'signals'",
        f"probability of the number chosen {ONE:g} or more",
    )


def _peaks(model: Any) -> list[Check]:
    """Whether one peak holds the posterior of each signal, and whether several are apart and needed."""
    modes = model.modes()
    several = "signal" in modes
    first = modes.groupby("signal").head(1) if several else modes.head(1)
    mass = float(first["mass"].min())
    if several:
        # In the order of frequency, as users see them: labels that change places share their peaks.
        draws = model.posterior["posterior"]["frequency"].values.reshape(-1, len(first))
        cycle = 1 / np.ptp(model.data.time)
        near = np.abs(draws - first["frequency"].values) < np.maximum(
            cycle, 5 * first["frequency_sd"].values
        )
        mass = min(mass, float(near.mean(axis=0).min()))
    spread = model.posterior["posterior"]["frequency"].std(("chain", "draw")).values
    mixed = np.any(spread > MIXED * first["frequency_sd"].values)
    found = [
        Check(
            "one period",
            None if mass < ONE or mixed else True,
            mass,
            "a few draws at other periods decide mean and sd of the summary: quote model.modes()"
            if mass >= ONE
            else f"separate periods share the posterior, {len(modes)} of them with 1% of it or "
            "more: quote model.modes(), not one mean and sd",
            f"mass of the highest peak, {ONE:g} or more",
        )
    ]
    return [*found, *_several(model, first)] if several else found


def _several(model: Any, first: Any) -> list[Check]:
    """Whether signals are more than one's harmonics, aliases or changes, and the last one is needed."""
    frequency = first["frequency"].values
    span, weight = float(np.ptp(model.data.time)), model.data.error**-2.0
    gap = np.abs(frequency[:, None] - frequency)[~np.eye(len(frequency), dtype=bool)].min() * span
    how, worst, sd = "", float(gap), first["frequency_sd"].values
    pairs = list(zip(frequency, sd, strict=True))
    for i in range(len(frequency)):
        for j in range(i):
            name = aliases.relation(
                frequency[i],
                frequency[j],
                model.data.time,
                weight,
                harmonics.in_days(model.data.time_unit),
                (sd[i], sd[j]),
            )
            how = how or (f"signal {i + 1} is at {name} of signal {j + 1}" if name else "")
        name = aliases.combination(pairs[i], pairs[:i], 1 / span)
        how = how or (f"signal {i + 1} is the {name}" if name else "")
    if gap < CLOSE:
        how = f"two lie closer than {CLOSE:g} / time span: one signal that changes looks the same"
    counts = model.posterior["signals"]["log_evidence"].values
    odds = float(counts[len(frequency)] - counts[len(frequency) - 1])
    return [
        Check(
            "signals of their own",
            False if gap < CLOSE else None if how else True,
            worst,
            f"{how}: more harmonics (n_terms), an alias, or signals that act on each other may be what is there",
            "smallest distance in units of 1 / time span; no harmonic, alias or combination of others",
        ),
        Check(
            "as many signals as asked for",
            True if odds > 0 else None,
            odds,
            f"{len(frequency) - 1} explain the data as well: see the group 'signals', or n_signals='auto'",
            "log Bayes factor of the last signal above 0",
        ),
    ]


def _white(model: Any, rows: np.ndarray) -> list[Check]:
    """Whiteness; no fault where the noise about the frequency is no stronger than stated."""
    time = model.data.time - harmonics.epoch(model.data)
    found = residuals.white(rows[:, np.argsort(time, kind="stable")], f"{LEFT}; {REMEDY}")
    if not found or found[0].passed:
        return found
    frequency = residuals.some(model)["frequency"].values.reshape(len(rows), -1).T
    if max(residuals.power_about(rows, time, one, NEAR) for one in frequency) > LOUD:
        return found
    text = (
        "the residuals are correlated, but not about this frequency: its error holds, while "
        "predictions do not know it; ba.GaussianProcess models it"
    )
    return [replace(found[0], passed=None, advice=text)]


def _another_period(model: Any) -> Check:
    """The odds of one more period in what the best draw leaves."""
    rest = signal_left.residuals(model)
    low, high = (float(e) for e in recorded(model)["frequency"].support)
    searched = (1 / high, 1 / low) if model.period is None else model.period
    again = type(model)(
        1,
        period=searched,
        jitter=model.jitter,
        amplitude=model.amplitude,
        spread=model.spread,
        noise=model.noise,
    )
    problem = again.problem(rest, again.resolve_priors(rest))
    found, _ = problem.search(200, np.random.default_rng(0))
    odds = found.log_evidence - found.log_evidence_null
    shown = 1 / float(np.median(found.frequency))
    return Check(
        "no other signal",
        bool(odds < OTHER),
        float(odds),
        f"{LEFT}, as at a period of {shown:.6g}: {REMEDY}",
        f"log Bayes factor of one more period below {OTHER:g}",
    )


def _within_the_range(model: Any) -> Check:
    """Whether the answer lies at an edge of what was searched."""
    data = model.data
    low, high = (float(e) for e in recorded(model)["frequency"].support)
    draws = model.posterior["posterior"]["frequency"]
    medians = np.atleast_1d(draws.median(("chain", "draw")).values)
    # Of several signals the one that is nearest to an edge.
    frequency = float(min(medians, key=lambda f: min(f - low, high - f)))
    cycle = 1 / float(np.ptp(data.time))
    inside = low + 0.5 * cycle < frequency < high - 0.5 * cycle
    advice = (
        "the answer lies at an edge of what was searched: widen period=(shortest, longest), or take out "
        "a slow change with trend=1"
    )
    if inside and model.period is None and (spacing := harmonics.repeats(data)):
        inside = False
        advice = (
            f"the times repeat every {spacing:.4g}, so that a frequency f looks like {1 / spacing:.4g} - f, "
            f"{1 / spacing:.4g} + f, ...: the period may as well be one of these, shorter than was searched; "
            "say which are meant with period=(shortest, longest)"
        )
    return Check(
        "period within the range",
        True if inside else None,
        1 / frequency,
        advice,
        f"searched from {1 / high:.6g} to {1 / low:.6g}",
    )


def _other_periods(model: Any) -> Check:
    """Chains stay within one peak; independent draws say what it holds of the posterior."""
    data = model.data
    problem = model.problem(data, recorded(model))
    found, _ = problem.search(4000, np.random.default_rng(0))
    middle = float(model.posterior["posterior"]["frequency"].median())
    mass = sum(mode.mass for mode in found.modes() if mode.low <= middle <= mode.high)
    return Check(
        "one period",
        bool(mass >= ONE),
        float(mass),
        "other periods hold the rest, and chains that start in one peak never see them: use "
        "ba.Exact(), or period=(shortest, longest) about this one",
        f"mass of the peak that was sampled, {ONE:g} or more",
    )


def _noise(model: Any) -> Check:
    """What the jitter is beside the errors; without one, whether a single row decides."""
    error = model.data.error
    if "jitter" not in model.posterior["posterior"]:
        return residuals.one_row(error, "fit with jitter=True")
    # Beside the larger ones: jitter is there for errors that are too small.
    curve = Curve.of(model.data)
    size = np.sqrt(curve.each(np.mean, error**2))
    jitter = model.posterior["posterior"]["jitter"].median(("chain", "draw")).values
    ratio = float(np.max(jitter / (size if curve.several else size[0])))
    return Check(
        "jitter beside the errors",
        True if ratio <= LARGE else None,
        ratio,
        "the values scatter so many times more than their errors say: errors that are wrong, or structure "
        "that the model lacks and takes for noise (other harmonics, a trend, steps between instruments, a "
        "changing period): look at plot('folded')",
        f"median jitter at most {LARGE:g} times the rms of the errors",
    )
