"""Rows of single objects: their seeds and quantiles, for every way of fitting many."""

from __future__ import annotations

import hashlib

__all__ = ["QUANTILES", "object_seed"]

QUANTILES = {"q025": 0.025, "q16": 0.16, "q50": 0.5, "q84": 0.84, "q975": 0.975}


def object_seed(seed: int, name: str) -> int:
    """Seed of one object, of 63 bits: depends on nothing but the run's seed and the object's name.

    Two of a billion objects have the same one with a probability of a twentieth.
    """
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
