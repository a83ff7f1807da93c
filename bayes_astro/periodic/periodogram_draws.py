"""Draws of a periodogram's variables: from the posterior, in white noise or another, and from the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.periodic import signals
from bayes_astro.periodic.frequency_density import WHITE, FrequencyRange
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["from_prior", "in_noise", "in_white_noise", "jitters", "limits", "trends"]


def in_white_noise(
    problem: Any, draws: int, rng: np.random.Generator
) -> tuple[Any, dict[str, np.ndarray]]:
    """Exact draws of the frequency and of every coefficient."""
    from bayes_astro.likelihoods.harmonic import draw_coefficients
    from bayes_astro.periodic.coarse import CoarseToFine
    from bayes_astro.periodic.frequency_posterior import sample_frequency

    projected = problem.projected()
    search = CoarseToFine() if problem.model.search == "coarse-to-fine" else WHITE
    noise = [one.log_density for one in jitters(problem)]
    found = sample_frequency(projected, *limits(problem), draws, rng, noise, search)
    problem.kept = search.kept
    values = {"frequency": found.frequency}
    number = np.full(draws, problem.terms)
    if len(problem.numbers) > 1:
        number = values["harmonics"] = found.number
    more = problem.orders + problem.curve.columns.shape[1]
    sizes = problem.bands * (more + 1) if problem.owns else problem.bands + more
    sizes += 2 * problem.terms * (1 + problem.owns)
    normals = rng.standard_normal((draws, sizes))
    drawn = draw_coefficients(projected, found.frequency, normals, found.jitter, number)
    values |= {"cosine": drawn.cosine, "sine": drawn.sine}
    values |= trends(problem, drawn.trend)
    if problem.owns:
        values |= {"own_cosine": drawn.own_cosine, "own_sine": drawn.own_sine}
    if found.jitter is not None:
        values["jitter"] = found.jitter if problem.curve.several else found.jitter[:, 0]
    return found, values


def limits(problem: Any) -> FrequencyRange:
    """The prior of the frequency."""
    prior = problem.priors["frequency"]
    low, high = (float(edge) for edge in prior.support)
    return FrequencyRange(low, high, prior.distribution == "LogUniform")


def jitters(problem: Any) -> list[Prior]:
    """The prior of each jitter."""
    if not problem.jitters:
        return []
    prior = problem.priors["jitter"]
    return [prior.entry(j) for j in range(problem.bands)] if problem.curve.several else [prior]


def trends(problem: Any, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Offsets, trends and slopes from draws (m, blocks, columns)."""
    # Of a block a row; of blocks that share their signal there is one, with all the offsets.
    split = 1 if problem.owns else problem.bands
    offset, trend = drawn[..., :split], drawn[..., split:]
    several = problem.curve.several
    found = {"offset": offset.reshape(len(drawn), -1) if several else offset[:, 0, 0]}
    trend, slope = trend[..., : problem.orders], trend[..., problem.orders :]
    if problem.orders:
        trend = trend / problem.curve.half ** np.arange(1, problem.orders + 1)
        found["trend"] = trend if problem.owns else trend[:, 0]
    if slope.shape[-1]:
        slope = slope / np.std(problem.curve.columns, axis=0)
        found["slope"] = slope if problem.owns else slope[:, 0]
    return found


def in_noise(
    problem: Any, draws: int, rng: np.random.Generator
) -> tuple[Any, dict[str, np.ndarray]]:
    """The same in noise that is not white."""
    from bayes_astro.likelihoods import harmonic_correlated as correlated
    from bayes_astro.periodic.frequency_noise import sample_in_noise

    arguments = problem.projection()
    for name in ("variance", "block", "own_sd", "noise_of"):
        del arguments[name]
    result = sample_in_noise(problem.noises, arguments, limits(problem), draws, rng)
    found, p = result.posterior, arguments["design"].shape[1]
    beta = np.empty((draws, 1, p))
    cosine, sine = np.empty((2, draws, problem.terms))
    kind = np.array([node.kind for node in result.nodes])[result.node]
    values: dict[str, np.ndarray] = {"frequency": found.frequency}
    for one in problem.noises:
        for name, own in zip(one.names, one.priors, strict=False):
            values[name] = np.asarray(own.sample(rng, draws))  # where a draw has another noise
    jitter = np.empty((draws, problem.jitters))
    for k in np.unique(result.node):
        rows, node = np.flatnonzero(result.node == k), result.nodes[k]
        normals = rng.standard_normal((len(rows), p + 2 * problem.terms))
        beta[rows, 0], cosine[rows], sine[rows] = correlated.draw_coefficients(
            node.problem(), found.frequency[rows], normals, found.number[rows]
        )
        names = problem.noises[node.kind].names
        for name, value in zip(names, node.values, strict=False):
            values[name][rows] = value
        jitter[rows] = node.values[len(names) :]
    values |= {"cosine": cosine, "sine": sine} | trends(problem, beta)
    if len(problem.numbers) > 1:
        values["harmonics"] = found.number
    if len(problem.noises) > 1:
        values["noise"] = kind
    if problem.jitters:
        values["jitter"] = jitter if problem.curve.several else jitter[:, 0]
    return found, values


def from_prior(problem: Any, draws: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Draws (chain, draw, ...) of what has a prior, with phases, and with what bands have of their own.

    Where the common part has the width c, and a band's own the width spread c, a band's amplitude is
    Rayleigh((1 + spread^2)^1/2 c), whose prior was drawn from.
    """
    if problem.signals > 1:
        draws = signals.apart(draws, problem.signals)
    amplitude, shape = draws["amplitude"].values, draws["amplitude"].shape
    phase = rng.uniform(-np.pi, np.pi, shape)
    dims: tuple[str, ...] = draws["amplitude"].dims
    if problem.owns:
        several = (*shape[:2], problem.owns, *shape[2:])
        common = np.sqrt(1 + problem.model.spread**2)
        cosine, sine = (
            amplitude[:, :, None] / common * wave(phase)[:, :, None]
            + problem.own_scale * rng.standard_normal(several)
            for wave in (np.cos, np.sin)
        )
        amplitude, phase = np.hypot(cosine, sine), np.arctan2(sine, cosine)
        dims = (*dims[:2], "band", *dims[2:])
    found = draws.drop_vars("amplitude").assign(period=1 / draws["frequency"])
    found = found.assign_coords(
        {name: problem.coords()[name] for name in dims[2:] if name not in found.coords}
    )
    if len(problem.numbers) > 1:
        number = rng.choice(problem.numbers, shape[:2])
        here = number[..., None] >= np.arange(1, problem.terms + 1)
        here = np.expand_dims(here, tuple(range(2, len(dims) - 1)))
        amplitude, phase = amplitude * here, phase * here
        found = found.assign(harmonics=(dims[:2], number))
    if len(problem.noises) > 1:
        found = found.assign(noise=(dims[:2], rng.integers(0, len(problem.noises), shape[:2])))
    for name, dim in (("trend", "order"), ("slope", "regressor")):
        if problem.owns and name in found:
            size = (*shape[:2], problem.owns, found.sizes[dim])
            each = problem.priors[name].sample(rng, size)
            found = found.drop_vars(name).assign({name: ((*dims[:3], dim), each)})
    found = found.assign(amplitude=(dims, amplitude), phase=(dims, phase))
    return signals.ordered(found) if problem.signals > 1 else found
