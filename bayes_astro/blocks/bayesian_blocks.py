"""Bayesian blocks: piecewise constant rates and levels, with where and how often they change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro import residuals
from bayes_astro.blocks import cells, levels
from bayes_astro.blocks.blocks_problem import BlocksProblem, padded
from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.data.events import Events
from bayes_astro.diagnostics import Check, goodness_of_fit
from bayes_astro.draws import by_row
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter
from bayes_astro.priors import Prior, recorded
from bayes_astro.report import Section, evidence_section
from bayes_astro.stated_errors import judged

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["BayesianBlocks"]

FEWEST, MOST = 0.1, 10.0  # expected changes of the default prior
FACTORS = (0.35, 0.5, 0.7, 1.4, 2.0, 2.8)
WAITING = "time since the event before"


@dataclass(eq=False, repr=False)
class BayesianBlocks(Model):
    r"""When a rate or a level changed, and between which values: constant in blocks.

    .. code-block:: text

        change points ~ Poisson process with expected_changes in the whole series
        level of each block ~ its prior
        events ~ Poisson process with the level as its rate, where the instrument was looking
        or counts_i ~ Poisson(level x exposure_i), or y_i ~ N(level, error_i^2)

    Scargle's blocks (Scargle et al. 2013) are the best division. Here the posterior is over all of them:
    levels are integrated out in closed form, and the sum over the divisions is done exactly by dynamic
    programming (Fearnhead 2006), so that draws are independent and the evidence is exact. That there is
    no change at all is one of the divisions.

    The data are `ba.Events`, which may change in the middle between two of them (and within long gaps);
    `ba.Counts`, bins in the order of the rows; or a `ba.LightCurve` of one band.

    Parameters
    ----------
    priors : dict of str to Prior, optional
        ``expected_changes`` LogUniform from 0.1 to 10 (to half of the number of rows, if that is less), summed
        over in 16 equally probable parts; ``level``, of every block: of rates Gamma with shape 0.5 and the mean
        of the data, of values Normal about their mean with twice their standard deviation.

    Notes
    -----
    Variables: ``n_changes``; ``expected_changes``; ``block_start`` and ``block_level`` by ``block``: after the
    last one the others begin at the end, with its level. Group ``changes``: the ``probability`` that the
    level changes at each ``place`` (between two events, rows or points). `blocks` is the most probable division
    as a table. `predict` gives the level at times as ``signal``; its ``observation`` is a value, a number of
    counts, or the waiting time for an event.

    Time goes with the square of the number of rows: a second for 4000 of them.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> times = np.sort(np.concatenate([rng.uniform(0, 100, 60), rng.uniform(40, 45, 60)]))
    >>> burst = ba.Events(times, intervals=[[0, 100]])
    >>> model = ba.BayesianBlocks().fit(burst, seed=1)
    >>> model.blocks()[["start", "stop"]].round(0)
       start   stop
    0    0.0   40.0
    1   40.0   45.0
    2   45.0  100.0
    """

    priors: dict[str, Prior] | None = None

    data_type: ClassVar[tuple[type, ...]] = (Events, Counts, LightCurve)
    references: ClassVar[tuple[str, ...]] = ("scargle2013", "fearnhead2006")
    samplers: ClassVar[tuple[str, ...]] = ("Exact",)
    by_curve: ClassVar[tuple[str, ...]] = ("block_start", "block_level")

    def check_data(self, data: Any) -> None:
        """Raise ValueError for several bands, weights, backgrounds, too few rows."""
        cells.check(data)

    def parameters(self, data: Any) -> list[Parameter]:
        """See the class."""
        most = min(MOST, 0.5 * len(data))
        changes = Prior("LogUniform", lower=FEWEST, upper=most)
        unit = cells.rate_unit(data)
        if isinstance(data, LightCurve):
            spread = float(np.std(data.value)) or float(np.median(data.error))
            middle = float(np.mean(data.value))
            level = Parameter(
                "level",
                Prior("Normal", mu=middle, sigma=2 * spread),
                (),
                unit,
                families=("Normal",),
            )
        else:
            number = float(len(data) if isinstance(data, Events) else max(np.sum(data.counts), 0.5))
            total = data.exposure if isinstance(data, Events) else float(np.sum(data.exposure))
            prior = Prior("Gamma", alpha=0.5, beta=0.5 * total / number)
            level = Parameter("level", prior, (), unit, "positive", families=("Gamma",))
        return [Parameter("expected_changes", changes, support="positive"), level]

    def units(self, data: Any) -> dict[str, str]:
        """Those of levels and times."""
        found = {"block_level": cells.rate_unit(data)}
        if not isinstance(data, Counts):
            found["block_start"] = str(data.time_unit)
        return super().units(data) | {name: unit for name, unit in found.items() if unit}

    def responses(self, data: Any) -> np.ndarray:
        """Values, counts, or waiting times: the exposure since the event before."""
        if isinstance(data, LightCurve):
            return data.value
        return data.counts if isinstance(data, Counts) else cells.exposures(data)

    def problem(self, data: Any, priors: dict[str, Prior]) -> BlocksProblem:
        """All divisions."""
        return BlocksProblem(self, data, priors)

    def pointwise(self, draws: xr.Dataset, data: Any) -> xr.DataArray:
        """Log density of every row: of an event given those before it, the last with what is left."""
        place = cells.places(data, data)
        return by_row(draws, levels.log_densities(draws, data, place))

    def normal_residuals(self, draws: xr.Dataset, data: Any) -> np.ndarray:
        """Normal scores of values, counts, or waiting times."""
        place = cells.places(data, data)
        return by_row(draws, levels.normal_scores(draws, data, place)).values

    def forecast(
        self, draws: xr.Dataset, data: Any, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """The level at times, and what would be observed there.

        Parameters
        ----------
        draws : xarray.Dataset
        data : Events, Counts or LightCurve
            Those that were fitted.
        at : array (m,), Quantity, Events, Counts or LightCurve
            Times; of counts, numbers of rows.
        rng : numpy.random.Generator

        Returns
        -------
        xarray.Dataset
            ``signal`` and ``observation``, (chain, draw, row); ``place``.
        """
        import xarray as xr

        place = cells.places(data, at)
        level = levels.at_places(draws, place)
        seen = levels.observed(level, data, at, rng)
        found = {"signal": by_row(draws, level), "observation": by_row(draws, seen)}
        return xr.Dataset(found, {"place": ("row", place)})

    def latents(self, draws: xr.Dataset, design: Any, rng: np.random.Generator) -> xr.Dataset:
        """Divisions and levels from the prior."""
        priors = self.resolve_priors(design)
        problem = self.problem(design, priors)
        share = problem.cells.share
        expected = draws["expected_changes"].values.ravel()
        begins = rng.uniform(size=(len(expected), len(share))) < -np.expm1(
            -expected[:, None] * share
        )
        begins[:, 0] = True
        total = int(begins.sum())
        start, level = padded(problem.cells, begins, priors["level"].sample(rng, (total,)))
        dims = ("chain", "draw", "block")
        return draws.drop_vars("level").assign(
            n_changes=(("chain", "draw"), begins.sum(axis=1)[None] - 1),
            block_start=(dims, start[None]),
            block_level=(dims, level[None]),
        )

    def simulate_data(self, parameters: xr.Dataset, design: Any, rng: np.random.Generator) -> Any:
        """A new series; of events another number of them."""
        start, level = (parameters[f"block_{name}"].values for name in ("start", "level"))
        return levels.simulated(start, level, design, rng)

    def blocks(self) -> pd.DataFrame:
        """The most probable division, as a table.

        Returns
        -------
        pandas.DataFrame
            One row a block: ``start``, ``stop``, ``level`` and ``sd`` (of its posterior, given that division),
            and ``probability`` that there is a change where it starts.
        """
        import pandas as pd

        problem = self.problem(self.data, recorded(self))
        own, first = problem.cells, problem.most_probable()
        last = np.append(first[1:], len(own.share))
        f, e = own.first[last] - own.first[first], own.second[last] - own.second[first]
        if own.poisson:
            level, sd = (problem.a + f) / (problem.b + e), np.sqrt(problem.a + f) / (problem.b + e)
        else:
            wide = 1 + problem.b * e
            level, sd = problem.centre + problem.b * f / wide, np.sqrt(problem.b / wide)
        chance = self.posterior["changes"]["probability"].values[first]
        return pd.DataFrame(
            {
                "start": own.edges[first], "stop": own.edges[last], "level": level, "sd": sd,
                "probability": np.where(first == 0, np.nan, chance),
            }
        )  # fmt: skip

    def converged_on(self) -> tuple[str, ...]:
        """How many changes."""
        return ("n_changes", "expected_changes")

    def checks(self) -> list[Check]:
        """Do constant levels describe the rows, and was the prior wide enough?"""
        data = self.data
        more = "the signal is not constant between its changes (a trend, a period, flickering)"
        rows = residuals.of_draws(self, 40)
        expected = self.posterior["posterior"]["expected_changes"].values
        top = self.problem(data, recorded(self)).most
        share = float(np.mean(expected >= top))
        checks = [
            goodness_of_fit(self, more),
            *residuals.white(rows, f"the residuals are correlated: {more}"),
            residuals.normal(rows, f"the residuals are not normal: {more}, or there are outliers"),
            Check(
                "fewer changes than the prior allows",
                True if share < 0.5 else None,
                share,
                f"the posterior of expected_changes ends where its prior does: {more}; or give a wider prior",
                "share of draws in the last sixteenth of its prior, below 0.5",
            ),
        ]
        if isinstance(data, LightCurve):
            checks += self._stated_errors()
        if isinstance(data, Events):
            checks += self._repeated()
        return checks

    def _repeated(self) -> list[Check]:
        """Events of one time: of a process they have no chance, of a clock or a copy they have."""
        time = self.data.time
        same = float(np.mean(np.diff(time) == 0)) if len(time) > 1 else 0.0
        return [
            Check(
                "no repeated events",
                True if same == 0 else (None if same < 0.01 else False),
                same,
                "events have the same time as the one before: were rows copied, or times rounded? drop copies "
                "(np.unique), or give counts in bins of the clock",
                "share of events at the time of another: 0",
            )
        ]

    def _stated_errors(self) -> list[Check]:
        """The evidence where all errors are multiplied by a factor."""
        data, priors = self.data, recorded(self)

        def height(factor: float) -> float:
            return self.problem(data.replace(error=data.error * factor), priors).log_total

        return judged(height, FACTORS, "blocks")

    def sections(self) -> list[Section]:
        """The evidence."""
        return evidence_section(self)

    def equation(self) -> str:
        """The model in one line."""
        return (
            "level constant between change points, a Poisson process with expected_changes in all; levels "
            "integrated out, all divisions summed over"
        )
