r"""The posterior of a damped random walk, exactly: grid, independent draws and evidence.

With the coefficients of the mean integrated out (`bayes_astro.likelihoods.damped_random_walk`) only
sigma, tau and perhaps a jitter are left. The data determine sigma^2 / tau, the power of the steps,
far better than either by itself when the baseline is short of many tau, so that the density is
smooth and nearly upright in

.. math:: u = \log(\sigma^2 / \tau),\quad w = \log\tau,\quad
          q = \mathrm{arsinh}(\mathrm{jitter} / e)\ \text{or}\ \log(\mathrm{jitter}),

with e the median error: the first q where the prior of the jitter is finite at zero, so that the
edge at zero is an ordinary one, the second where it is not. There the density is

.. math:: p(y \mid \sigma, \tau, \mathrm{jitter})\,p(\sigma)\,p(\tau)\,p(\mathrm{jitter})\,
          \tfrac12 \sigma\tau\,\left|\frac{d\,\mathrm{jitter}}{dq}\right|,

which `bayes_astro.samplers.grid_density` draws from without approximation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_astro.diagnostics import Check
from bayes_astro.likelihoods import damped_random_walk as drw
from bayes_astro.objects import QUANTILES
from bayes_astro.priors import Prior
from bayes_astro.samplers.grid_density import GridDensity, locate

__all__ = ["DampedRandomWalkPosterior", "columns", "fit_many", "grid_checks", "posterior"]

TAIL = 1e-6  # probability of the prior beyond the search's range; the grid grows past it if need be
SEARCH = (18, 14, 6)  # starting points in log tau, log sigma, jitter
USEFUL = 0.3  # efficiency of a capped grid that still tells the tails
EDGE = 1e-10  # hard edges are met from inside, safe from rounding


@dataclass(frozen=True)
class _Coordinates:
    """The way between (sigma, tau, jitter) and the coordinates of the grid."""

    walk: drw.DampedRandomWalk
    frozen: dict[str, Any]
    unit: float | None  # of the jitter's arsinh; None: its logarithm

    @property
    def dimensions(self) -> int:
        return len(self.frozen)

    def parameters(self, x: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(over="ignore", under="ignore"):
            found = {"sigma": np.exp(0.5 * (x[:, 0] + x[:, 1])), "tau": np.exp(x[:, 1])}
            if self.dimensions == 3:
                q = x[:, 2]
                found["jitter"] = np.exp(q) if self.unit is None else self.unit * np.sinh(q)
        return found

    def log_density(self, x: np.ndarray) -> np.ndarray:
        values = self.parameters(x)
        with np.errstate(all="ignore"):
            total = drw.log_likelihood(self.walk, **values)
            for name, frozen in self.frozen.items():
                total = total + frozen.logpdf(values[name])
            total = total + 0.5 * x[:, 0] + 1.5 * x[:, 1] - np.log(2)
            if self.dimensions == 3:
                q = x[:, 2]
                total += q if self.unit is None else np.log(self.unit * np.cosh(q))
        return np.where(np.isnan(total), -np.inf, total)

    def jitter_coordinate(self, jitter: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(jitter) if self.unit is None else np.arcsinh(jitter / self.unit)

    def support(self) -> np.ndarray:
        """Hard edges in tau and the jitter; those in sigma are oblique."""
        with np.errstate(divide="ignore"):
            edges = [np.array([-np.inf, np.inf]), np.log(np.abs(self.frozen["tau"].support()))]
        if self.dimensions == 3:
            edges.append(self.jitter_coordinate(np.array(self.frozen["jitter"].support())))
        support = np.array(edges).T
        # arsinh meets zero exactly; a logarithm may round to either side.
        shift = EDGE * np.array([0, 1] + ([1.0 if self.unit is None else 0.0] * (len(edges) - 2)))
        return support + np.array([[1.0], [-1.0]]) * shift

    def starts(self) -> tuple[np.ndarray, np.ndarray]:
        """Points over the range of the priors, (tau, sigma, jitter, coordinate), and spacing."""
        ranges = {
            name: frozen.ppf([TAIL, 1 - TAIL]).astype(float) for name, frozen in self.frozen.items()
        }
        lines = []
        for name, count in zip(("tau", "sigma"), SEARCH, strict=False):
            low, high = np.log(np.maximum(ranges[name], 1e-300))
            lines.append(np.linspace(low, high, count))
        if self.dimensions == 3:
            low, high = self.jitter_coordinate(ranges["jitter"])
            lines.append(np.linspace(low, high, SEARCH[2]))
        mesh = np.meshgrid(*lines, indexing="ij")
        points = np.stack([2 * mesh[1] - mesh[0], mesh[0], *mesh[2:]], axis=-1)
        tau, sigma = (line[1] - line[0] for line in lines[:2])
        spacing = np.array([2 * sigma, tau, *(line[1] - line[0] for line in lines[2:])])
        return points, np.maximum(spacing, 1e-6)


@dataclass(frozen=True)
class DampedRandomWalkPosterior:
    """The posterior of sigma, tau (and jitter) of one light curve; made by `posterior`.

    Attributes
    ----------
    log_evidence, log_evidence_error : float
        Log marginal likelihood of the data under the priors, and its standard error.
    importance_efficiency : float
        Effective share of the proposals behind the draws, which are exact at any efficiency.
    evaluations : int
        Of the density, to find and fill the grid.
    capped : bool
        Whether the grid is coarser than it should be, for want of nodes: as of a periodic star.
    """

    coordinates: _Coordinates
    density: GridDensity

    @property
    def log_evidence(self) -> float:
        return self.density.log_integral

    @property
    def log_evidence_error(self) -> float:
        return self.density.log_integral_error

    @property
    def importance_efficiency(self) -> float:
        return self.density.efficiency

    @property
    def evaluations(self) -> int:
        return self.density.evaluations

    @property
    def capped(self) -> bool:
        return self.density.capped

    def sample(self, draws: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Independent draws: sigma, tau (and jitter) of shape (draws,), coefficients (draws, p)."""
        found = self.coordinates.parameters(self.density.sample(draws, rng))
        walk = self.coordinates.walk
        normals = rng.standard_normal((draws, walk.p))
        found["coefficients"] = drw.draw_coefficients(
            walk, found["sigma"], found["tau"], found.get("jitter"), normals
        )
        return found


def posterior(
    time: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    design: np.ndarray | None,
    coefficient_mean: np.ndarray | None,
    coefficient_sd: np.ndarray | None,
    priors: Mapping[str, Prior],
) -> DampedRandomWalkPosterior:
    """The posterior of a damped random walk about a linear mean, in noise.

    Parameters
    ----------
    time, value, error : (n,) arrays
        Times ascending; errors positive standard deviations.
    design : (n, p) array or None
        Columns of the mean; None stands for a mean of zero.
    coefficient_mean, coefficient_sd : (p,) arrays or None
        Independent normal priors of the coefficients.
    priors : mapping of str to Prior
        ``sigma`` (standard deviation of the process, unit of value), ``tau`` (damping time, unit of
        time) and, for a noise term added in quadrature to the errors, ``jitter``.

    Raises
    ------
    ValueError
        For bad arrays, unknown or missing priors, priors that admit negative values, and priors
        under which the data are impossible.

    Examples
    --------
    >>> import numpy as np
    >>> from bayes_astro import Prior
    >>> rng = np.random.default_rng(1)
    >>> time = np.sort(rng.uniform(0, 1000, 80))
    >>> value = drw.simulate(time, 0.2, 50.0, rng) + 0.02 * rng.normal(size=80)
    >>> priors = {"sigma": Prior("HalfNormal", sigma=1.0)}
    >>> priors["tau"] = Prior("LogNormal", mu=4, sigma=2)
    >>> found = posterior(time, value, np.full(80, 0.02), None, None, None, priors)
    >>> draws = found.sample(1000, rng)
    >>> bool(0.1 < np.median(draws["sigma"]) < 0.4)
    True
    """
    walk = drw.prepare(time, value, error, design, coefficient_mean, coefficient_sd)
    _check_priors(priors)
    frozen = {name: priors[name]._scipy() for name in ("sigma", "tau", "jitter") if name in priors}
    unit = None
    if "jitter" in frozen:
        unit = float(np.median(np.asarray(error, dtype=float)))
        near = frozen["jitter"].logpdf(unit * np.array([1e-8, 1e-9]))
        if not np.isfinite(near).all() or abs(near[0] - near[1]) > 1e-3:
            unit = None
    coordinates = _Coordinates(walk, frozen, unit)
    points, spacing = coordinates.starts()
    return DampedRandomWalkPosterior(
        coordinates, locate(coordinates.log_density, points, spacing, coordinates.support())
    )


def grid_checks(statistics: Mapping[str, Any]) -> list[Check]:
    """Of a capped grid: whether enough of its proposals were of use. Takes ``sample_stats``' attributes."""
    if not statistics.get("capped", 0):
        return []
    efficiency = float(statistics["importance_efficiency"])
    return [
        Check(
            "grid fine enough",
            efficiency >= USEFUL,
            efficiency,
            "the posterior of sigma and tau has a tail too long for its grid, as of a star that is "
            "periodic or varies between all points: try ba.Periodogram(), or check with ba.NUTS()",
            f"efficiency of a capped grid at least {USEFUL:g}",
        )
    ]


def _check_priors(priors: Mapping[str, Prior]) -> None:
    known = ("sigma", "tau", "jitter")
    if not {"sigma", "tau"} <= set(priors) <= set(known):
        raise ValueError(
            f"priors must be of sigma, tau and, if it is fitted, jitter; got {', '.join(priors)}."
        )
    for name, prior in priors.items():
        if prior.event or any(np.size(value) > 1 for value in prior.arguments.values()):
            raise ValueError(f"Prior of {name!r} must be of a single number, got {prior}.")
        if float(prior.support[0]) < 0:
            raise ValueError(
                f"Prior of {name!r}: {prior} admits negative values; use HalfNormal, LogNormal, ..."
            )


def fit_many(
    items: Sequence[Any],
    setup: Callable[[Any], dict[str, Any]],
    draws: int,
    seeds: Sequence[int],
    *,
    threads: int = 2,
    stop: Any = False,
) -> list[tuple[DampedRandomWalkPosterior, dict[str, np.ndarray]] | Exception | None]:
    """The posteriors of many light curves, in threads; a bad one becomes the error that it raised.

    Parameters
    ----------
    items : sequence
        Light curves, or whatever `setup` takes.
    setup : function
        From an item to the arguments of `posterior`, as a dictionary.
    draws : int
    seeds : sequence of int
        One for each item, of its draws: nothing depends on the other items or the threads.
    threads : int
    stop : bool or object
        Once it is true, the rest is left out.

    Returns
    -------
    list
        For each item ``(posterior, draws)``, the exception, or None where it was left out.
    """

    def fit(item: Any, seed: int) -> Any:
        if stop:
            return None
        try:
            found = posterior(**setup(item))
            return found, found.sample(draws, np.random.default_rng(seed))
        except Exception as error:  # the object's fault is its own, whatever it is
            return error

    if threads <= 1 or len(items) < 2:
        return list(map(fit, items, seeds))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(fit, items, seeds))


def columns(draws: Mapping[str, np.ndarray], coefficients: Sequence[str]) -> dict[str, float]:
    """Mean, standard deviation and quantiles of draws, as the columns of `ba.fit_each`.

    Parameters
    ----------
    draws : mapping
        As `DampedRandomWalkPosterior.sample` returns them.
    coefficients : sequence of str
        Names of the coefficients of the mean.
    """
    values = {name: array for name, array in draws.items() if name != "coefficients"}
    values |= dict(zip(coefficients, draws["coefficients"].T, strict=True))
    row: dict[str, float] = {}
    for name, array in values.items():
        row[f"{name}_mean"], row[f"{name}_sd"] = float(array.mean()), float(array.std())
        quantiles = np.quantile(array, list(QUANTILES.values()))
        row |= {f"{name}_{key}": float(q) for key, q in zip(QUANTILES, quantiles, strict=True)}
    return row
