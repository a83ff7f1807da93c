"""What a report says of a periodogram: the odds, the separate periods, the model in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_astro.report import Section, rounded

__all__ = ["equation", "sections"]


def sections(model: Any) -> list[Section]:
    """The odds that the period is real, and the separate periods."""
    if "periodogram" not in model.posterior:
        return []
    group = model.posterior["evidence"]
    factor, alarm = float(group["log_bayes_factor"]), float(group["false_alarm_probability"])
    odds: tuple[tuple[str, str], ...] = (
        ("log evidence [nat]", f"{float(group['log_evidence']):.2f}"),
        ("log Bayes factor [nat]", f"{factor:.2f}"),
        ("log10 Bayes factor", f"{factor / np.log(10):.2f}"),
        ("false-alarm probability (baseline)", f"{alarm:.2g}" if alarm else "< 1e-300"),
    )
    if "probability" in group:
        odds += tuple(
            (f"probability of {int(n)} harmonic{'s' if n > 1 else ''}", f"{float(share):.3f}")
            for n, share in zip(group["n_terms"].values, group["probability"].values, strict=True)
        )
    if "signals" in model.posterior:
        counts = model.posterior["signals"]
        odds += tuple(
            (f"probability of {int(n)} signal{'' if n == 1 else 's'}", f"{float(share):.3g}")
            for n, share in zip(
                counts["n_signals"].values, counts["probability"].values, strict=True
            )
        )
    table = model.modes()
    several = "signal" in table
    table = table.groupby("signal").head(4) if several else table.head(8)
    modes = tuple(
        (
            *((str(row.signal),) if several else ()),
            f"{row.mass:.4f}",
            rounded(row.period, row.sd),
            f"{row.sd:.2g}",
            row.alias_of or "",
        )
        for row in table.itertuples()
    )
    heads = (*(("signal",) if several else ()), "mass", "period", "sd", "may be")
    return [
        Section("Is it real?", ("evidence", "value"), odds, group.attrs.get("note", "")),
        Section("Separate periods", heads, modes),
    ]


def equation(model: Any) -> str:
    """The model in one line."""
    trend = "".join(f" + trend{j}·(t − epoch)^{j}" for j in range(1, model.trend + 1))
    noisy = model.noisy(model.data) if model.__sklearn_is_fitted__() else model.jitter
    noise = "error² + jitter²" if noisy else "error²"
    n = "n" if model.n_terms is None else model.n_terms
    if isinstance(n, Sequence) and not isinstance(n, str):
        n = f"n in {{{', '.join(map(str, n))}}}"
    count = model.signals() if model.__sklearn_is_fitted__() else model.n_signals
    which, each = (
        ("", "") if count == 1 else (f"Σ(s=1..{count if count != 'auto' else 'S'}) ", "_s")
    )
    return (
        f"y = offset{trend} + {which}Σ(k=1..{n}) amplitude{each}_k "
        f"cos(2πk·frequency{each}·(t − epoch) − phase{each}_k) + N(0, {noise})"
    )
