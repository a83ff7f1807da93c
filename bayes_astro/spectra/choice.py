"""How many factors: by pixels that are hidden from short runs of draws.

A maximum with too many factors fits noise, and a score of it falls; draws shrink what the data do not ask
for, and their score stays level. The smallest number whose score is within a standard error of the
best is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm, t
from threadpoolctl import threadpool_limits

from bayes_astro.data.spectra import Spectra
from bayes_astro.priors import Prior
from bayes_astro.samplers.progress import Progress
from bayes_astro.spectra import tails
from bayes_astro.spectra.coefficients import Frame, Pixels, conditional, unpacked
from bayes_astro.spectra.hidden import NUMBERS, to_choose, without
from bayes_astro.spectra.problem import FactorsProblem

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["chosen", "held_out_pixels", "of_hidden", "some_of", "tails_wanted"]

NO_MATTER = 0.02  # nats a hidden pixel that a smaller number may be worse
SPECTRA, FEWER = 400, 100  # that a choice looks at, and one that many pixels decide
TUNE, KEPT, EVERY = 60, 40, 2
REPEATS = 3  # draws of coefficients given a frame


def of_hidden(
    model: Any,
    data: Spectra,
    priors: dict[str, Prior],
    k: int,
    rng: np.random.Generator,
    mask: np.ndarray,
    *,
    at_maximum: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Log densities of hidden pixels, averaged over draws of a fit without them, and where they lie.

    Returns
    -------
    log_density : array (hidden,)
        Of each by itself.
    score : array (hidden,)
        Normal quantile of its place in its predictive distribution; with `at_maximum` that of EM.
    """
    kept = without(data, mask)
    problem = FactorsProblem(model, kept, priors, k)
    rows, columns = np.nonzero(mask)
    truth, variance = data.flux[rows, columns], data.error[rows, columns] ** 2
    pixels = Pixels.of(kept)
    logs, below = [], []
    with threadpool_limits(1, "blas"):
        for frame in _frames(problem, rng, at_maximum):
            for middle, width, degrees in _predicted(pixels, frame, rows, columns, rng):
                width = np.sqrt(width**2 + variance)
                family = t(degrees) if np.isfinite(degrees) else norm
                x = (truth - middle) / width
                logs.append(family.logpdf(x) - np.log(width))
                below.append(family.cdf(x))
    place = np.clip(np.mean(below, axis=0), 1e-12, 1 - 1e-12)
    return logsumexp(logs, axis=0) - np.log(len(logs)), norm.ppf(place)


def _frames(problem: FactorsProblem, rng: np.random.Generator, at_maximum: bool) -> Iterator[Frame]:
    """Of a short chain, or of the maximum alone."""
    start = problem.climbed(rng)
    if at_maximum:
        yield start.frame(problem.floor, problem.shapes)
        return
    chain = problem.chain(start, rng)
    for sweep in range(TUNE + KEPT * EVERY):
        chain.sweep(0.3 if 2 * sweep < TUNE else (0.1 if sweep < TUNE else 0.0))
        if sweep >= TUNE and not (sweep - TUNE) % EVERY:
            yield chain.frame()


def _predicted(
    pixels: Pixels, frame: Frame, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Middles and widths, without the stated errors, of the noise's family at pixels (rows, columns)."""
    floor, loadings = frame.floor[columns], frame.loadings[:, columns]
    if not np.isfinite(frame.degrees):
        here = conditional(pixels, frame)
        second = unpacked(here.covariance, len(loadings))[rows]
        wide = np.einsum("kh,hkl,lh->h", loadings, second, loadings)
        middle = frame.mean[columns] + np.einsum("hk,kh->h", here.mean[rows], loadings)
        yield middle, np.sqrt(floor + wide), frame.degrees
        return
    for _ in range(REPEATS):
        z, _ = tails.drawn(pixels, frame, rng)
        middle = frame.mean[columns] + np.einsum("hk,kh->h", z[rows], loadings)
        yield middle, np.sqrt(floor), frame.degrees


def tails_wanted(model: Any, data: Spectra, seed: int) -> bool:
    """Whether Student's t predicts hidden pixels better than a normal, by more than two standard errors."""
    whole, data = data, some_of(data, FEWER)
    mask = to_choose(data)
    row, logs = np.nonzero(mask)[0], []
    for robust in (False, True):
        one = model.copy(robust=robust)
        rng = np.random.default_rng([seed, 0])
        found, _ = of_hidden(one, data, one.resolve_priors(whole), int(one.n_factors), rng, mask)
        logs.append(np.bincount(row, found, len(data)))
    gain = logs[1] - logs[0]
    return bool(gain.sum() > 2 * np.sqrt(len(gain)) * gain.std())


def held_out_pixels(model: Any, draws: xr.Dataset, data: Spectra) -> xr.Dataset:
    """Normal quantiles of hidden pixels in what a short fit without them predicts; where they are."""
    import xarray as xr

    whole, data = data, some_of(data)
    mask = to_choose(data)
    one = model.copy(n_factors=draws.sizes["factor"], robust="degrees_of_freedom" in draws)
    rng = np.random.default_rng(7)
    alone = draws.sizes["chain"] * draws.sizes["draw"] == 1
    logs, score = of_hidden(
        one, data, one.resolve_priors(whole), draws.sizes["factor"], rng, mask, at_maximum=alone
    )
    row, pixel = np.nonzero(mask)
    numbers = {"log_density": logs, "score": score, "spectrum": row, "hidden_pixel": pixel}
    return xr.Dataset({name: (("hidden",), values) for name, values in numbers.items()})


def some_of(data: Spectra, most: int = SPECTRA) -> Spectra:
    """All of few spectra, or evenly spaced ones of many."""
    if len(data) <= most:
        return data
    return data[np.linspace(0, len(data) - 1, most).astype(int)]


def _usual(scores: np.ndarray) -> np.ndarray:
    """Scores (number, spectrum) in which the few spectra of another kind do not decide alone.

    What a spectrum is behind its best is no more than what all but a twentieth are.
    """
    behind = scores.max(axis=0) - scores
    return -np.minimum(behind, np.quantile(behind, 0.95, axis=1, keepdims=True))


def chosen(model: Any, data: Spectra, seed: int, progress: bool) -> tuple[int, xr.Dataset]:
    """The number of factors, and the scores that decided."""
    import xarray as xr

    whole, data = data, some_of(data)
    mask = to_choose(data)
    most = max(1, min(len(data) // 4, len(data.wavelength) - 1))
    ladder = [k for k in NUMBERS if k <= most] or [1]
    by_spectrum: list[np.ndarray] = []
    row = np.nonzero(mask)[0]
    with Progress(len(ladder), "number of factors", shown=progress) as bar:
        for step, k in enumerate(ladder):
            one = model.copy(n_factors=k)
            rng = np.random.default_rng([seed, k])
            logs, _ = of_hidden(one, data, one.resolve_priors(whole), k, rng, mask)
            by_spectrum.append(np.bincount(row, logs, len(data)))
            bar.at(step + 1, f"{k}: {logs.mean():.3f} a pixel")
            best = int(np.argmax(_usual(np.array(by_spectrum)).sum(axis=1)))
            if step - best >= 2:
                break
    scores = _usual(np.array(by_spectrum))
    totals = scores.sum(axis=1)
    best = int(np.argmax(totals))
    behind = scores[best] - scores
    error = np.sqrt(len(data)) * behind.std(axis=1)
    count = max(len(row), 1)
    enough = int(np.flatnonzero(totals[best] - totals <= np.maximum(error, NO_MATTER * count))[0])
    tried = ladder[: len(scores)]
    found = xr.Dataset(
        {
            "score": (("n_factors",), np.sum(by_spectrum, axis=1) / count),
            "behind": (("n_factors",), (totals[best] - totals) / count),
            "behind_error": (("n_factors",), error / count),
        },
        {"n_factors": tried},
        attrs={"chosen": tried[enough], "at_the_end": int(enough == len(ladder) - 1)},
    )
    return int(tried[enough]), found
