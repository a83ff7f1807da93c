"""Simulation-based calibration: does a posterior mean what it says?

Draw parameters from the prior and data from the likelihood, fit, and ask where the truth falls
among the draws. If model, simulator and sampler agree, its rank is uniform (Cook, Gelman & Rubin
2006; Talts et al. 2018). The Kolmogorov-Smirnov test of the ranks hardly sees a wrong width, so
the verdict also uses the mean and the variance of their normal scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro.diagnostics import scalars
from bayes_astro.model import Model
from bayes_astro.predictions import checked_seed
from bayes_astro.samplers.progress import Progress, interrupted, interruptible

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from bayes_astro.samplers import Sampler

__all__ = ["FALSE_ALARM", "Calibration", "calibrate", "verdicts"]

FALSE_ALARM = 1e-3
POWER = 0.9
FEWEST = 20


@dataclass(frozen=True)
class Calibration:
    """Ranks of the true parameters among posterior draws, and what follows from them.

    Attributes
    ----------
    ranks : dict of str to array (n,)
        Fraction of draws below the truth, spread evenly over ties: uniform in (0, 1) if calibrated.
    asked : int
        How many were asked for, where Ctrl-C ended the run; otherwise 0.
    """

    ranks: dict[str, np.ndarray]
    asked: int = 0

    @property
    def n(self) -> int:
        """Data sets that were fitted."""
        return len(next(iter(self.ranks.values()), ()))

    def table(self) -> pd.DataFrame:
        """One row a parameter: tests, coverage, verdict.

        Columns: ``ks_p``, ``mean_p``, ``variance_p`` (probabilities of the three statistics);
        ``shift`` (mean of the normal scores: in posterior standard deviations, positive where
        the truth lies above the draws), ``width`` (what the posterior's standard deviation must be
        multiplied with); ``coverage_68``, ``coverage_95``; ``calibrated``.
        """
        import pandas as pd

        return pd.DataFrame.from_dict(verdicts(self.ranks), orient="index")

    def __bool__(self) -> bool:
        return self.asked == 0 and bool(self.table()["calibrated"].all())

    def detectable(self) -> dict[str, float]:
        """Smallest errors that this run would have seen nine times in ten.

        ``shift`` in posterior standard deviations, ``width`` as a fraction of it.
        """
        from scipy.stats import norm

        critical = norm.isf(_threshold(len(self.ranks)) / 2) + norm.ppf(POWER)
        return {
            "shift": float(critical / np.sqrt(self.n)),
            "width": float(np.expm1(critical / np.sqrt(2 * self.n))),
        }

    def __repr__(self) -> str:
        if self.n < FEWEST:
            return f"Calibration: none, interrupted after {self.n} of {self.asked} data sets."
        sees = self.detectable()
        verdict = "calibrated" if self.table()["calibrated"].all() else "NOT calibrated"
        if self.asked:
            verdict = f"{verdict}, but interrupted (of {self.asked} asked for),"
        return (
            f"Calibration: {verdict} on {self.n} simulated data sets.\n"
            f"{self.table().round(4).to_string()}\n"
            f"At a false-alarm rate of {FALSE_ALARM:g} for the whole table this run sees, nine times "
            f"in ten,\na shift of {sees['shift']:.2f} standard deviations or a width wrong by "
            f"{100 * sees['width']:.0f}%."
        )

    def plot(self, *, ax: Any = None, width: str = "page") -> Figure:
        """Difference of the ranks' distribution from the uniform one, with a 99% band.

        `ax`, `width`: as for figures of models; a panel for each parameter.
        """
        from bayes_astro.plots import calibration, style

        with style.applied(width, ax, "ranks"):
            return calibration.ranks(self)


def _threshold(parameters: int) -> float:
    """Level of a single test that keeps the family of three a parameter at FALSE_ALARM."""
    return 1 - (1 - FALSE_ALARM) ** (1 / (3 * parameters))


def verdicts(ranks: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """Test ranks (fractions in (0, 1)) of several parameters against uniformity."""
    from scipy import stats

    level = _threshold(len(ranks))
    rows = {}
    for name, fractions in ranks.items():
        n = len(fractions)
        scores = stats.norm.ppf(np.clip(fractions, 1e-9, 1 - 1e-9))
        tail = stats.chi2.cdf(np.sum(scores**2), n)
        tests = {
            "ks_p": float(stats.kstest(fractions, "uniform").pvalue),
            "mean_p": float(2 * stats.norm.sf(abs(scores.mean()) * np.sqrt(n))),
            "variance_p": float(2 * min(tail, 1 - tail)),
        }
        rows[name] = tests | {
            "shift": float(scores.mean()),
            "width": float(np.sqrt(np.mean(scores**2))),
            "coverage_68": float(np.mean(np.abs(fractions - 0.5) < 0.34)),
            "coverage_95": float(np.mean(np.abs(fractions - 0.5) < 0.475)),
            "calibrated": min(tests.values()) > level,
        }
    return rows


def calibrate(
    model: Model,
    design: Any,
    n: int = 200,
    seed: int | None = None,
    *,
    sampler: Sampler | None = None,
    parameters: tuple[str, ...] | None = None,
    defaults_anew: bool = False,
    progress: bool = True,
) -> Calibration:
    """Simulation-based calibration of any model.

    The priors are resolved once, on `design`, and used for simulating and for fitting. A user's
    default priors are made from the data, which are then used twice: `defaults_anew` makes them
    from each simulated data set, as a user's first fit would, and says whether that does harm.

    Parameters
    ----------
    model : Model
        Unfitted or fitted; it is not changed.
    design : container
        Times, errors, ... of the simulated data.
    n : int
        Simulated data sets: 200 see a width wrong by some 30%, 1000 by some 13%.
    seed : int, optional
        Same seed, same ranks. None draws one.
    sampler : Sampler, optional
        Default: the model's first.
    parameters : tuple of str, optional
        Variables to test; None stands for all.
    defaults_anew : bool
        Simulate with the priors of the design, fit with the defaults that each data set gets.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Calibration
        True where every test passed; its text says what the run could have seen. Ctrl-C ends the
        run, keeps the ranks of the data sets that were done, and leaves it false.

    Raises
    ------
    ValueError
        For a design that the model does not take, and for too small an `n`.

    References
    ----------
    Talts et al. 2018, arXiv:1804.06788.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> pumps, quick = ba.load("pump-failures"), ba.Exact(draws=100)
    >>> model = ba.PoissonRate(hyperprior="independent")
    >>> found = ba.calibrate(model, pumps, n=20, seed=1, sampler=quick, progress=False)
    >>> found.n, found.ranks["rate[pump 1]"].shape
    (20, (20,))
    """
    from bayes_astro import samplers

    model = model.copy()
    design = model._checked(design)
    model = model.assume(design)
    priors = model.resolve_priors(design)
    sampler, _ = samplers.chosen(model, sampler, design)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < FEWEST:
        raise ValueError(f"n={n!r} must be a whole number of at least {FEWEST}.")
    seed = checked_seed(seed)
    ranks: dict[str, list[float]] = {}
    asked = 0
    with interruptible() as stop, Progress(n, "calibration", shown=progress) as bar:
        for i in range(n):
            streams = np.random.SeedSequence([seed, i]).generate_state(3)
            data, truth = model.simulate(design, int(streams[0]), priors=priors)
            own = model.resolve_priors(data) if defaults_anew else priors
            tree = samplers.sampled(model, sampler, data, own, int(streams[1]), False)
            if stop or interrupted(tree):
                asked = int(n)
                break
            rng = np.random.default_rng(streams[2])
            for name, fraction in _ranks(tree, truth, parameters, rng).items():
                ranks.setdefault(name, []).append(fraction)
            bar.at(i + 1)
    return Calibration({name: np.array(values) for name, values in ranks.items()}, asked=asked)


def _ranks(
    tree: Any, truth: Any, parameters: tuple[str, ...] | None, rng: np.random.Generator
) -> dict[str, float]:
    """Fraction of nearly independent draws below the truth, with a uniform share for the ties."""
    from arviz_stats.base import array_stats

    posterior = tree["posterior"].to_dataset()
    names = [name for name in posterior if parameters is None or name in parameters]
    if not names:
        raise ValueError(
            f"None of the parameters {parameters} exists; there are {', '.join(posterior)}."
        )
    expected = truth.expand_dims(["chain", "draw"])
    found = {}
    values = {label: float(x.squeeze()) for label, x, _ in scalars(expected[names])}
    for label, draws, unit in scalars(posterior[names]):
        flat = draws.ravel()
        effective = float(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="bulk"))
        every = max(1, int(np.ceil(flat.size / max(effective, 20.0))))
        kept = flat[::every]
        true = values[label]
        if unit == "rad":
            kept, true = np.angle(np.exp(1j * (kept - true))), 0.0
        rank = np.sum(kept < true) + rng.uniform() * (1 + np.sum(kept == true))
        found[label] = float(rank / (len(kept) + 1))
    return found
