"""What can go wrong with components of spectra, and the check that sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import beta, chi2

from bayes_astro.diagnostics import Check
from bayes_astro.draws import thinned
from bayes_astro.spectra import error_checks, predictions, tails
from bayes_astro.spectra.choice import some_of
from bayes_astro.spectra.coefficients import Frame, Pixels
from bayes_astro.spectra.draws import continuum_shapes, frames
from bayes_astro.spectra.error_checks import LISTED, listed, names_of

__all__ = ["UNUSUAL", "checks"]

UNUSUAL = 5e-4  # tail probability of a spectrum that is not like the others
SURELY = 1e-9  # of one that certainly is not, whatever the noise's tails
FAR = 6.0  # widths from which a pixel is no noise
RARE = 2e-9  # tail probability of such a pixel
MANY = 1e-5  # share of such pixels
DRAWS = 10
HELD = 200  # hidden pixels from which widths can be judged
LEVELS = {0.68: 0.9945, 0.95: 1.96}
NARROW, WIDE = 0.88, 0.993  # share within 95% intervals
ALONE = 0.5  # share of a component's squared coefficients in one spectrum
WHITE, RED = 0.1, 0.3  # correlation of neighbouring pixels
BLOCK, WIDER = 8, (1.35, 2.0)  # pixels; square of the scatter of their sums
CERTAIN = 4.0  # standard errors of either
CONTINUUM = 2  # degree of the polynomials that residuals are held against
AGREE, APART, SMALL = (
    1.02,
    1.1,
    0.01,
)  # R-hat of eigenvalues; share of the variance that is a small one


def checks(model: Any) -> list[Check]:
    """Of a fit, from a few of its draws and some of its spectra."""
    data = some_of(model.data)
    draws = thinned(model.posterior["posterior"].to_dataset(), DRAWS)
    pixels = Pixels.of(data)
    found, continuum, drawn = [], [], []
    rng = np.random.default_rng(5)
    for frame in frames(draws, model.continuum):
        left, here = predictions.standardised(pixels, frame)
        found.append((left, here))
        continuum.append(_slopes(pixels, frame, left, data.wavelength))
        unit = _drawn(pixels, frame, rng)
        drawn.append((_correlation(unit), *_scatter(unit)))
    left = np.array([one[0] for one in found])
    z = np.array([one[1].mean[:, : draws.sizes["factor"]] for one in found])
    names = names_of(data)
    usual = predictions.statistics(draws, model.continuum, data)
    robust = "degrees_of_freedom" in draws
    height = error_checks.height(model, data)
    return [
        *_settled(model),
        *_held_out(model),
        _tails(left, names, data.wavelength, robust),
        _others(usual, names, robust),
        _pixels([one[1] for one in drawn], [one[2] for one in drawn], data.wavelength, robust),
        _white(np.mean([one[0] for one in drawn], axis=0)),
        _continuum(np.array(continuum), names, model.continuum),
        *error_checks.errors(height, data),
        *error_checks.weighty(height, data, pixels, frame, here.mean, names),
        error_checks.repeated(model.data, data),
        _alone(z, names),
        *_number(model),
    ]


def _settled(model: Any) -> list[Check]:
    """Whether chains agree on each component: small ones may come and go without harm to the rest."""
    table = model.summary()
    rows = table[[label.startswith("eigenvalue[") for label in table.index]]
    rhat, share = rows["rhat"].values, (rows["mean"] / rows["mean"].sum()).values
    if not np.isfinite(rhat).any():
        return []
    worst = int(np.nanargmax(rhat))
    value = float(rhat[worst])
    lost = bool(np.any((rhat > APART) & (share > SMALL)))
    if "degrees_of_freedom" in table.index:
        means = model.posterior["posterior"]["degrees_of_freedom"].mean("draw")
        lost |= bool(means.std() > APART * means.mean() - means.mean())
    return [
        Check(
            "components agree",
            True if value <= AGREE else (False if lost else None),
            value,
            f"the chains disagree on eigenvalue {worst + 1}, {share[worst]:.2g} of the components' variance: draws "
            "hold several ways to explain the same spectra; ba.Gibbs(draws=...) with more draws, or fewer factors",
            f"R-hat at most {AGREE:g}",
        )
    ]


def _held_out(model: Any) -> list[Check]:
    """Whether pixels that were hidden lie as often within their intervals as they should."""
    score = model.posterior["held_out"]["score"].values
    if len(score) < HELD:
        return []
    inside = float(np.mean(np.abs(score) < LEVELS[0.95]))
    middle = float(np.mean(np.abs(score) < LEVELS[0.68]))
    too = "narrow" if inside < 0.95 else "wide"
    passed = None if not 0.92 <= inside <= 0.98 or not 0.6 <= middle <= 0.8 else True
    if inside < NARROW or inside > WIDE:
        passed = False
    return [
        Check(
            "hidden pixels",
            passed,
            inside,
            f"{inside:.0%} of the pixels hidden from a short fit lie within 95% intervals and {middle:.0%} within 68%: "
            f"those of gaps are too {too}; robust=True, more factors, or noise='per-pixel floor'",
            "share within 95% intervals 0.92 to 0.98",
        )
    ]


def _tails(left: np.ndarray, names: np.ndarray, wavelength: np.ndarray, robust: bool) -> Check:
    """Cosmic rays, sky lines: single pixels that are no noise of this kind."""
    middle = np.median(np.abs(left), axis=0)
    # A pixel that is far off in one of few spectra widens its own floor: its share tells.
    square = np.nan_to_num(middle**2)
    count = np.maximum(np.isfinite(left[0]).sum(axis=0), 2)
    share_of = square / np.maximum(square.sum(axis=0), 1e-300)
    rare = np.where(count > 3, beta.sf(share_of, 0.5, 0.5 * (count - 1)), 1.0)
    number = np.isfinite(left[0]).sum()
    far = (middle > FAR) | (rare < RARE)
    share = float(far.sum() / number)
    none = share <= MANY and far.sum() < 2
    odd = far | (rare < UNUSUAL / number)
    rows, columns = np.nonzero(odd)
    size = middle[rows, columns]
    order = np.argsort(-size)[:LISTED]
    worst = ", ".join(f"{names[rows[i]]} at {wavelength[columns[i]]:.6g}" for i in order)
    remedy = (
        "mask them (nan)" if robust else "robust=True gives the noise tails; or mask them (nan)"
    )
    return Check(
        "no pixels far off",
        (True if not odd.any() or far.any() else None) if none else (None if robust else False),
        share,
        f"{len(rows)} pixel{'s lie' if len(rows) > 1 else ' lies'} more than {FAR:g} widths off, or as far from all others of their wavelength, as "
        f"cosmic rays do ({worst}), and pull on components: {remedy}",
        f"share of pixels at most {MANY:g}",
    )


def _others(usual: dict[str, np.ndarray], names: np.ndarray, robust: bool) -> Check:
    """Spectra of another kind, or at another redshift than stated."""
    least = np.minimum(usual["pixel_tail"], usual["coefficient_tail"])
    n = len(least)
    odd = np.flatnonzero(least < UNUSUAL / n)
    odd = odd[np.argsort(least[odd])]
    smallest = float(min(1.0, 2 * n * least.min()))
    if not len(odd):
        passed: bool | None = True
    else:
        many = len(odd) > max(1, 0.05 * n)
        passed = False if many or (not robust and least.min() < SURELY / n) else None
    return Check(
        "spectra like each other",
        passed,
        smallest,
        f"{listed(names[odd])}: coefficients or residuals farther out than those of spectra of one kind (another "
        "kind, a wrong redshift, bad pixels, noise that is not that of the others): look at them, and leave them out"
        + ("" if robust else " or use robust=True"),
        f"probability of the farthest at least {2 * UNUSUAL:g}",
    )


def _drawn(pixels: Pixels, frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """Residuals at a draw of the coefficients: independent unit normals if all is right; nan in gaps.

    Those at the mode are too small, and of few pixels they correlate.
    """
    z, _ = tails.drawn(pixels, frame, rng)
    width = np.sqrt(pixels.variance + frame.floor)
    left = np.where(np.isfinite(width), pixels.x - frame.mean - z @ frame.loadings, np.nan) / width
    return tails.normal_scores(left, frame.degrees)


def _scatter(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By pixel, how often its residuals scatter more, and less, than they do."""
    square, count = np.nansum(unit**2, axis=0), np.isfinite(unit).sum(axis=0)
    return chi2.sf(square, count), chi2.cdf(square, count)


def _pixels(more: list[Any], less: list[Any], wavelength: np.ndarray, robust: bool) -> Check:
    """Sky lines, bad columns, and the pixel by which spectra were divided."""
    above, below = np.mean(more, axis=0), np.mean(less, axis=0)
    least, p = np.minimum(above, below), len(above)
    odd = np.flatnonzero(least < UNUSUAL / p)
    odd = odd[np.argsort(least[odd])]
    where = listed([f"{wavelength[j]:.6g}" for j in odd])
    how = ["more" if above[j] < below[j] else "less" for j in odd]
    kinds = " or ".join(sorted(set(how), reverse=True))
    if not len(odd):
        passed: bool | None = True
    else:
        many = len(odd) > max(1, 0.05 * p)
        passed = False if many or (not robust and above.min() < SURELY / p) else None
    return Check(
        "pixels like each other",
        passed,
        float(min(1.0, 2 * p * least.min())),
        f"at {where} residuals scatter {kinds} than errors say (more: sky lines, bad columns; less: errors too "
        "large, or the pixel by which spectra were normalised): leave those pixels out, or correct their errors",
        f"probability of the farthest at least {2 * UNUSUAL:g}",
    )


def _correlation(unit: np.ndarray) -> tuple[float, float, float, float]:
    """Of neighbouring pixels, with its standard error; squares of sums of blocks, with theirs."""
    some, there = np.nan_to_num(np.clip(unit, -4, 4)), np.isfinite(unit)
    count = max(1, int((there[:, 1:] & there[:, :-1]).sum()))
    square = (some**2).sum() / max(there.sum(), 1)
    rho = (some[:, 1:] * some[:, :-1]).sum() / count / square
    blocks = np.arange(0, unit.shape[1], BLOCK)
    full = np.add.reduceat(there, blocks, axis=1)
    sums = np.add.reduceat(some, blocks, axis=1)[full > BLOCK // 2]
    each = full[full > BLOCK // 2]
    many = max(1, len(each))
    ratio = (sums**2 / np.maximum(each, 1)).sum() / many / square if len(each) else 1.0
    return float(rho), float(1 / np.sqrt(count)), float(ratio), float(np.sqrt(2 / many))


def _white(found: np.ndarray) -> Check:
    """Whether neighbouring pixels have something in common that neither components nor noise know."""
    rho, error, ratio, spread = (float(x) for x in found)
    white, red = max(WHITE, CERTAIN * error), max(RED, CERTAIN * error)
    wide, wider = max(WIDER[0], 1 + CERTAIN * spread), max(WIDER[1], 1 + CERTAIN * spread)
    return Check(
        "neighbouring pixels",
        (
            True
            if abs(rho) < white and ratio < wide
            else (None if abs(rho) < red and ratio < wider else False)
        ),
        rho,
        f"residuals of neighbouring pixels correlate by {rho:.2f}, and sums of {BLOCK} scatter {np.sqrt(ratio):.2g} "
        "times as much as if they did not: of wide gaps and of coefficients the "
        "uncertainty is too small; more factors, or pixels as wide as the resolution: spectra.coarser(...)",
        f"correlation below {white:.2g}, square of the scatter of sums below {wide:.2g}",
    )


def _slopes(pixels: Pixels, frame: Frame, left: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Tail probability, by spectrum, of what a polynomial explains of the residuals."""
    shapes = continuum_shapes(CONTINUUM, wavelength)
    known = np.isfinite(left)
    root = np.where(known, 1 / np.sqrt(np.where(known, pixels.variance + frame.floor, 1.0)), 0.0)
    found = np.ones(pixels.n)
    for i in range(pixels.n):
        if known[i].sum() <= len(shapes) + len(frame.loadings):
            continue
        # What the components can follow is no longer in the residuals.
        basis = np.linalg.qr((frame.loadings * root[i]).T)[0]
        columns = (shapes * root[i]).T
        columns = columns - basis @ (basis.T @ columns)
        direction, size, _ = np.linalg.svd(columns, full_matrices=False)
        free = size > 1e-6 * size[0]
        explained = direction[:, free].T @ np.nan_to_num(np.clip(left[i], -4, 4))
        found[i] = chi2.sf(np.sum(explained**2), free.sum())
    return found


def _continuum(found: np.ndarray, names: np.ndarray, degree: int | None) -> Check:
    tail = found.mean(axis=0)
    n = len(tail)
    odd = np.flatnonzero(tail < UNUSUAL / n)
    odd = odd[np.argsort(tail[odd])]
    remedy = "continuum=2" if degree is None else f"continuum={min(degree + 1, 6)}"
    many = len(odd) > max(1, 0.05 * n)
    return Check(
        "continuum",
        True if not len(odd) else (False if many else None),
        float(min(1.0, n * tail.min())),
        f"{listed(names[odd])}: residuals with a slope or bend that no component has, as of calibration or "
        f"reddening: {remedy} gives each spectrum a polynomial of its own",
        f"probability of the largest at least {UNUSUAL:g}",
    )


def _alone(z: np.ndarray, names: np.ndarray) -> Check:
    """Whether one spectrum makes a component."""
    square = np.mean(z**2, axis=0)
    share = square / square.sum(axis=0)
    row, factor = np.unravel_index(int(share.argmax()), share.shape)
    value = float(share.max())
    return Check(
        "components of many",
        True if value < ALONE or len(names) < 5 else None,
        value,
        f"factor {factor + 1} is mostly that of {names[row]}: it says what that spectrum is like, not what spectra "
        "have in common",
        f"share of one spectrum below {ALONE:g}",
    )


def _number(model: Any) -> list[Check]:
    """Whether the search for the number of factors ended because it had no more to try."""
    if "choice" not in model.posterior:
        return []
    choice = model.posterior["choice"]
    at_the_end = bool(choice.attrs["at_the_end"])
    return [
        Check(
            "number of factors",
            None if at_the_end else True,
            float(choice.attrs["chosen"]),
            f"the largest number that was tried ({int(choice['n_factors'].values[-1])}) predicts hidden pixels best: "
            "more may be better, n_factors=...",
            "fewer than the most that were tried",
        )
    ]
