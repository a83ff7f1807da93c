r"""The joint mixture of magnitudes and log(1 + z) as a problem of extreme deconvolution.

.. code-block:: text

    (x_i, log(1 + z_i)) ~ sum_k a_k N(mu_k, V_k + S_i) + a_0 N(mu_0, V_0 + S_i),
    S_i = diag(kappa_b^2 sigma_ib^2) + tau^2 1 1' for the magnitudes, 0 for the redshift

The last is a background of fixed shape, five times as wide as the sample in every magnitude and
twice in log(1 + z), without correlations: a measurement that is wrong by far says nothing about the
redshift, where the other components would extrapolate from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_astro.data import Measurements, Photometry
from bayes_astro.density import inputs
from bayes_astro.mixtures import selection
from bayes_astro.mixtures.coordinates import Layout, Parameters
from bayes_astro.mixtures.expectation import Deconvolution
from bayes_astro.mixtures.features import features, softening
from bayes_astro.priors import Prior

__all__ = [
    "REDSHIFT",
    "automatic_components",
    "joint",
    "problem",
    "trains",
    "unscaled",
    "with_redshift",
]

REDSHIFT = "log(1+z)"
MOST_COMPONENTS = 100
BACKGROUND = (5.0, 2.0)
"""Widths of the background in magnitudes and log(1 + z), in those of the sample."""
SHRINKAGE = 1e-2
"""Scale of the prior of covariances, in units of the covariance of the whole."""


def automatic_components(n: int) -> int:
    """The default K for n objects."""
    return max(1, n // 20 if n < 200 else max(10, min(MOST_COMPONENTS, n // 100)))


def trains(data: Photometry) -> np.ndarray:
    """Which objects' redshift is known, and were measured in a band at least: (n,)."""
    known = ~data.missing.all(axis=1)
    return known if data.redshift is None else known & ~np.isnan(data.redshift)


def with_redshift(data: Photometry) -> Photometry:
    """Those objects."""
    known = trains(data)
    return data if known.all() else data[known]


def joint(
    data: Photometry,
    transform: str,
    error_scale: np.ndarray | float = 1.0,
    common_error: float = 0.0,
    soft: np.ndarray | None = None,
) -> Measurements:
    """Magnitudes and log(1 + z) with the covariance of their errors."""
    value, error = features(data, softening(data) if soft is None else soft, transform)
    n, m = value.shape
    covariance = np.zeros((n, m + 1, m + 1))
    covariance[:, :m, :m] = common_error**2
    covariance[:, range(m), range(m)] += np.nan_to_num(error_scale * error) ** 2
    stacked = np.column_stack([value, np.log1p(np.asarray(data.redshift))])
    return Measurements(stacked, covariance=covariance, names=(*data.bands, REDSHIFT))


def problem(
    measured: Measurements, components: int, priors: dict[str, Prior], threads: int = 1
) -> tuple[Deconvolution, np.ndarray, np.ndarray]:
    """The problem in a scaled frame, and the frame: (v - shift) / scale.

    The background is the last component, beyond those counted.
    """
    shift, scale = inputs.scaled_frame(measured)
    d = measured.d
    centre, shape = np.full((components + 1, d), np.nan), np.full((components + 1, d, d), np.nan)
    centre[-1] = 0.0
    shape[-1] = np.diag(np.append(np.full(d - 1, BACKGROUND[0]), BACKGROUND[1]) ** 2)
    layout = Layout(np.full(components + 1, np.nan), centre, shape)
    prior = selection.conjugate_in(priors, shift, scale)
    return (
        Deconvolution(inputs.blocks(measured, shift, scale, None), layout, prior, threads),
        shift,
        scale,
    )


def unscaled(
    found: list[Parameters], shift: np.ndarray, scale: np.ndarray
) -> dict[str, np.ndarray]:
    """Weights, means and covariances of several mixtures in magnitudes and log(1 + z), (s, ...)."""
    arrays: dict[str, Any] = {
        name: np.array([getattr(one, name) for one in found])
        for name in ("weight", "mean", "covariance")
    }
    arrays["mean"] = shift + scale * arrays["mean"]
    arrays["covariance"] = np.outer(scale, scale) * arrays["covariance"]
    return arrays
