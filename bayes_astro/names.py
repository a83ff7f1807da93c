"""Names that users and files give: the known one that was meant, and units that are safe to parse."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["is_absurd_unit", "nearest", "numbered"]

LISTED = 50


def nearest(name: Any, known: Iterable[Any]) -> str:
    """`` Did you mean 'x'? Known: a, b, x.``: the end of every error about an unknown name."""
    known = [str(k) for k in known]
    by_lower = {k.lower(): k for k in known}
    # The length is bounded: the comparison takes a time that grows with its square.
    close = difflib.get_close_matches(str(name)[:80].lower(), by_lower, n=1, cutoff=0.5)
    hint = f" Did you mean {by_lower[close[0]]!r}?" if close else ""
    end = ", ..." if len(known) > LISTED else "."
    return f"{hint} Known: {', '.join(known[:LISTED]) or 'none'}{end}"


def is_absurd_unit(text: str) -> bool:
    """Whether `text` holds a power of ten such as 10**999999999, whose digits astropy writes out."""
    return re.search(r"10[\s*^(+-]+\d{4}", text) is not None


def numbered(labels: Sequence[str]) -> list[str]:
    """Labels that occur twice with a number behind."""
    return [
        f"{label}_{labels[: i + 1].count(label)}" if labels.count(label) > 1 else label
        for i, label in enumerate(labels)
    ]
