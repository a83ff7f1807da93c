"""Rows of single objects: their seeds and quantiles, for every way of fitting many."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["QUANTILES", "object_seed"]

QUANTILES = {"q025": 0.025, "q16": 0.16, "q50": 0.5, "q84": 0.84, "q975": 0.975}


def object_seed(seed: int, name: str) -> int:
    """Seed of one object: depends on nothing but the run's seed and the object's name."""
    return int(np.random.SeedSequence([seed, zlib.crc32(str(name).encode())]).generate_state(1)[0])
