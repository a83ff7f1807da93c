"""Whether stars crowd where neither cluster nor field expects them.

Stars within a region of several sizes are counted about every star, in the data and in several tables of the
same size from the model. Under the model a star of either kind is as likely to be there, so that of all that
are counted those of the data are binomial with 1 / (1 + tables); the least tail probability is multiplied
with the number of regions that were tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.diagnostics import MISFIT, Check
from bayes_astro.membership.cluster_search import CENTRES, SIZES, SMEARED, field_scale

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.data import Measurements

__all__ = ["check"]

TABLES, MOST = 5, 20_000
MUCH = 0.3  # of the members: an excess that is no trifle
LEAST = 15  # stars


def check(model: Any, posterior: xr.Dataset, data: Measurements) -> Check:
    """The place with the most significant excess over the model."""
    from scipy.spatial import cKDTree
    from scipy.stats import binom

    complete = np.flatnonzero(~data.missing.any(axis=1))
    rng = np.random.default_rng(3)
    if len(complete) > MOST:
        complete = rng.choice(complete, MOST, replace=False)
    some = data[complete]
    _, scale = field_scale(some)
    smear = SMEARED * np.median(some.error, axis=0)
    draws = posterior.isel(
        chain=[0], draw=np.linspace(0, posterior.sizes["draw"] - 1, TABLES).astype(int)
    )
    tables = model.replicate(draws, some, some, rng).values.reshape(-1, some.d)
    members = float(posterior["members"].median()) * len(some) / len(data)
    best = (1.0, 0.0, 0.0, some.value[0])
    centres = some.value[:: max(1, len(some) // CENTRES)]
    for size in SIZES:
        width = np.hypot(size * scale, smear)
        inner, expected = (
            cKDTree(rows / width).query_ball_point(centres / width, 1.0, return_length=True)
            for rows in (some.value, tables)
        )
        # The star in the centre is there for certain.
        inner = inner - 1
        tail = binom.sf(inner - 1, inner + expected, 1 / (1 + TABLES))
        tail = np.where(inner - expected / TABLES >= LEAST, tail, 1.0)
        at = int(np.argmin(tail))
        if tail[at] < best[0]:
            best = (float(tail[at]), float(inner[at]), float(expected[at] / TABLES), centres[at])
    probability = min(1.0, best[0] * len(centres) * len(SIZES))
    excess = best[1] - best[2]
    where = ", ".join(f"{n} {x:.4g}" for n, x in zip(data.names, best[3], strict=True))
    fine = probability >= MISFIT
    return Check(
        "no other cluster",
        True if fine else (False if excess > MUCH * members else None),
        probability,
        f"{best[1]:.0f} stars crowd about {where}, where the model expects {best[2]:.0f}: another cluster "
        "(leave it out, or guess=... where yours is), or a field that needs more Gaussians",
        f"probability of the most crowded place at least {MISFIT:g}",
    )
