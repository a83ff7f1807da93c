r"""What templates lack, learned from objects with known redshift.

With F_tb(z) the flux of template t in band b, the fluxes of object i of type t are

.. code-block:: text

    f_ib = a_i F_tb(z_i) (1 + delta_tb(z_i)) + noise,    noise ~ N(0, sigma_ib^2 + (s_b f_ib)^2)
    delta_tb(z) ~ GP(0, k),    k = zero^2 + width^2 [r + (1 - r) e^(-(t - t')^2 / 2 L_t^2)]
                                            x e^(-(log(1+z) - log(1+z'))^2 / 2 L_z^2)

zero points of bands (the constant), smooth errors of the templates in type and redshift, and s_b, what
remains of them. The types are not known: expectation maximisation takes their probabilities at the known
redshift as weights, the amplitudes from the corrected templates, and then delta of every band is the mean
of a Gaussian process given the weighted residuals f / (a F) - 1, gathered at the nodes of a grid in
log(1 + z); s_b^2 is what the squares of the residuals exceed the noise by. Objects that no template
describes weigh little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import log_ndtr, logsumexp

__all__ = ["Learned", "at_redshifts", "known", "learn"]

ZERO_POINT, WIDTH = 0.1, 0.3
LENGTH_REDSHIFT, LENGTH_TYPE, SHARED = 0.06, 1.5, 0.3
"""Of the Gaussian process; lengths in log(1 + z) and in templates."""
NODES = 50
ROUNDS = 8
LEAST_ERROR, LARGEST_ERROR = 0.01, 0.3
PRECISE = 0.05
"""Fluxes known better than this fraction tell the error of the templates."""
MANY = 10_000
"""Objects that are learned from, if there are more."""


@dataclass(frozen=True)
class Learned:
    """The corrected fluxes (T, B, J), the error of the templates (B,), and delta (T, B, nodes)."""

    model: np.ndarray
    template_error: np.ndarray
    delta: np.ndarray
    nodes: np.ndarray


def at_redshifts(model: np.ndarray, log_z: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Linear interpolation along the last axis: (..., J) at n values of log(1 + z) to (..., n)."""
    if len(log_z) == 1:
        return np.repeat(model, len(at), axis=-1)
    position = np.interp(at, log_z, np.arange(len(log_z)))
    low = np.minimum(position.astype(int), len(log_z) - 2)
    share = position - low
    return model[..., low] * (1 - share) + model[..., low + 1] * share


def known(
    flux: np.ndarray, precision: np.ndarray, model: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log likelihood of every template at known redshifts, its amplitude, and chi squared.

    Parameters
    ----------
    flux, precision : (n, B) arrays
    model : (T, B, n) array
        At the redshift of each object.

    Returns
    -------
    log_likelihood, amplitude, chi_squared : (n, T) arrays
        The first up to a constant for each object.
    """
    ot = np.einsum("nb,tbn->nt", precision * flux, model)
    tt = np.maximum(np.einsum("nb,tbn->nt", precision, model**2), 1e-300)
    x = ot / np.sqrt(tt)
    squares = np.sum(precision * flux**2, axis=1, keepdims=True)
    amplitude = np.maximum(ot, 1e-6 * np.sqrt(tt)) / tt
    log_likelihood = 0.5 * x**2 - 0.5 * np.log(tt) + log_ndtr(x)
    return log_likelihood, amplitude, squares - np.maximum(x, 0.0) ** 2


def learn(
    flux: np.ndarray,
    error: np.ndarray,
    redshift: np.ndarray,
    model: np.ndarray,
    log_z: np.ndarray,
    reference: int,
    types: bool = True,
) -> Learned:
    """The correction and what remains.

    Parameters
    ----------
    flux, error : (n, B) arrays
        nan where missing.
    redshift : (n,) array
    model : (T, B, J) array
        Fluxes of the templates at the J values of `log_z` = log(1 + z).
    reference : int
        Band in which corrected templates have flux one.
    types : bool
        Correct types and redshifts; False: zero points alone.
    """
    missing = np.isnan(flux)
    flux = np.where(missing, 0.0, flux)
    variance = np.where(missing, 1e40, np.where(missing, 1.0, error) ** 2)
    kinds, bands, _ = model.shape
    at = np.log1p(redshift)
    nodes = np.linspace(log_z[0], log_z[-1], NODES if types else 2)
    nearest = np.clip(
        np.rint((at - nodes[0]) / (nodes[1] - nodes[0])).astype(int), 0, len(nodes) - 1
    )
    prior = _covariance(kinds, nodes, types)
    original = at_redshifts(model, log_z, at)
    delta = np.zeros((kinds, bands, len(nodes)))
    floor = np.full(bands, 0.05)
    for _ in range(ROUNDS):
        corrected = original * (1 + at_redshifts(delta, nodes, at))
        precision = 1 / (variance + (floor * np.maximum(flux, 0)) ** 2)
        log_likelihood, amplitude, chi_squared = known(flux, precision, corrected)
        weight = np.exp(log_likelihood - logsumexp(log_likelihood, axis=1, keepdims=True))
        weight *= np.exp(-0.1 * np.maximum(chi_squared - 5 * bands, 0.0))
        for b in range(bands):
            expected = np.maximum(amplitude * original[:, b].T, 1e-300)
            noise = variance[:, [b]] / expected**2
            gathered = weight / (noise + floor[b] ** 2)
            residual = flux[:, [b]] / expected - 1
            total, sums = np.empty((kinds, len(nodes))), np.empty((kinds, len(nodes)))
            for t in range(kinds):
                total[t] = np.bincount(nearest, gathered[:, t], len(nodes))
                sums[t] = np.bincount(nearest, gathered[:, t] * residual[:, t], len(nodes))
            delta[:, b] = _mean(prior, total.ravel(), sums.ravel()).reshape(kinds, -1)
            # What the squares exceed the noise by, of fluxes that are precise.
            change = 1 + at_redshifts(delta[:, b], nodes, at).T
            noise = noise / change**2
            left = ((residual + 1) / change - 1) ** 2 - noise
            counts = np.where(noise < PRECISE**2, weight, 0.0)
            if counts.sum() > 20:
                floor[b] = np.sqrt(max(float((counts * left).sum() / counts.sum()), 0.0))
        floor = np.clip(floor, LEAST_ERROR, LARGEST_ERROR)
    found = model * (1 + at_redshifts(delta, nodes, log_z))
    return Learned(found / found[:, [reference]], floor, delta, nodes)


def _covariance(kinds: int, nodes: np.ndarray, types: bool) -> np.ndarray:
    """Prior covariance of delta in one band, (T nodes, T nodes)."""
    size = kinds * len(nodes)
    if not types:
        return np.full((size, size), ZERO_POINT**2)
    t = np.arange(kinds)
    alike = SHARED + (1 - SHARED) * np.exp(-0.5 * ((t[:, None] - t) / LENGTH_TYPE) ** 2)
    near = np.exp(-0.5 * ((nodes[:, None] - nodes) / LENGTH_REDSHIFT) ** 2)
    return ZERO_POINT**2 + WIDTH**2 * np.kron(alike, near)


def _mean(prior: np.ndarray, total: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Mean of a Gaussian process given means sums / total with precisions total, bounded."""
    seen = total > 1e-6
    if not seen.any():
        return np.zeros(len(prior))
    gram = prior[np.ix_(seen, seen)] + np.diag(1 / total[seen] + 1e-9)
    solved = cho_solve(cho_factor(gram, lower=True), sums[seen] / total[seen])
    return np.clip(prior[:, seen] @ solved, -0.8, 3.0)
