"""The posterior over all divisions of a series into blocks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln, logsumexp

from bayes_astro.blocks.cells import Cells, cells_of
from bayes_astro.data import LightCurve
from bayes_astro.data.counts import Counts
from bayes_astro.priors import Prior
from bayes_astro.problem import Problem

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

__all__ = ["BlocksProblem", "drawn_levels", "padded"]

NODES = 16  # of the expected number of changes: middles of as many equal parts of its prior


class BlocksProblem(Problem):
    """Sums over all divisions, once for each of some expected numbers of changes."""

    no_mode = "a division into blocks has no Gaussian about it; ba.Exact() draws independent ones."

    def __init__(self, model: Any, data: Any, priors: dict[str, Prior]) -> None:
        super().__init__(model, data, priors)
        self.no_density = "divisions into blocks are drawn by ba.Exact() alone."
        prior = priors["level"]
        self.centre = 0.0
        if isinstance(data, LightCurve):
            self.centre = float(prior.arguments["mu"])
            self.a, self.b = 0.0, float(prior.arguments["sigma"]) ** 2
        else:
            self.a, self.b = (float(prior.arguments[name]) for name in ("alpha", "beta"))

    @cached_property
    def cells(self) -> Cells:
        """The series."""
        return cells_of(self.data, self.centre)

    @cached_property
    def rates(self) -> np.ndarray:
        """Expected numbers of changes, each as probable as the others beforehand: (k,)."""
        places = (np.arange(NODES) + 0.5) / NODES
        return np.asarray(self.priors["expected_changes"].quantile(places), dtype=float)

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """What the kernels take, but for the probabilities of changes."""
        from bayes_astro.likelihoods.blocks import NORMAL, POISSON

        cells = self.cells
        gamma = np.zeros(1)
        if cells.poisson:
            number = np.arange(int(cells.first[-1]) + 1)
            gamma = gammaln(self.a + number) + self.a * np.log(self.b) - gammaln(self.a)
        kind = POISSON if cells.poisson else NORMAL
        return kind, cells.first, cells.second, gamma, float(self.a), float(self.b)

    @cached_property
    def boundaries(self) -> tuple[np.ndarray, np.ndarray]:
        """ln p of the boundary before each cell, and sums of ln q up to it: (k, c) each."""
        expected = self.rates[:, None] * self.cells.share
        with np.errstate(divide="ignore"):
            change = np.log(-np.expm1(-expected))
        change[:, 0] = 0.0
        return change, -np.cumsum(expected, axis=1)

    @cached_property
    def sums(self) -> np.ndarray:
        """ln A of `bayes_astro.likelihoods.blocks`, (k, c + 1)."""
        from bayes_astro.likelihoods.blocks import forward

        return forward(*self.arguments, *self.boundaries)

    @cached_property
    def constant(self) -> float:
        """What is the same for all divisions: of counts and values."""
        data = self.data
        if isinstance(data, Counts):
            return float(np.sum(data.counts * np.log(data.exposure) - gammaln(data.counts + 1)))
        if isinstance(data, LightCurve):
            z = (data.value - self.centre) / data.error
            return float(-0.5 * np.sum(z**2 + np.log(2 * np.pi * data.error**2)))
        return 0.0

    @cached_property
    def log_total(self) -> float:
        """Over divisions, levels, and expected numbers of changes."""
        return float(logsumexp(self.sums[:, -1]) - np.log(NODES) + self.constant)

    @property
    def most(self) -> float:
        """Where the last of the equal parts of the prior of expected changes begins."""
        return float(self.priors["expected_changes"].quantile(1 - 1 / NODES))

    def probability(self) -> np.ndarray:
        """Of a change before each cell, (c,)."""
        from bayes_astro.likelihoods.blocks import backward

        after = backward(*self.arguments, *self.boundaries)
        ends = self.sums[:, -1]
        with np.errstate(invalid="ignore"):
            by_rate = np.exp(self.sums[:, :-1] + self.boundaries[0] + after[:, :-1] - ends[:, None])
        found = np.exp(ends - logsumexp(ends)) @ by_rate
        found[0] = 0.0
        return np.minimum(found, 1.0)

    def most_probable(self) -> np.ndarray:
        """First cells of the blocks of the most probable division, at the best expected number."""
        from bayes_astro.likelihoods.blocks import best

        k = int(np.argmax(self.sums[:, -1]))
        change, stay = self.boundaries
        return best(*self.arguments, change[k], stay[k])

    def graph(self) -> pm.Model:
        """There is none."""
        raise ValueError(self.no_density)

    def exact(self, draws: int, rng: np.random.Generator) -> dict[str, xr.Dataset]:
        """Independent divisions with their levels; the evidence; where changes are, exactly."""
        import xarray as xr

        from bayes_astro.likelihoods.blocks import divided

        ends = self.sums[:, -1]
        weight = np.exp(ends - logsumexp(ends))
        which = np.sort(rng.choice(NODES, size=draws, p=weight / weight.sum()))
        change, stay = self.boundaries
        begins = np.zeros((draws, len(self.cells.share)), dtype=bool)
        for k in np.unique(which):
            own = which == k
            uniform = rng.uniform(size=(int(own.sum()), begins.shape[1]))
            found = divided(*self.arguments, change[k], stay[k], self.sums[k], uniform)
            begins[own] = found.astype(bool)
        order = rng.permutation(draws)
        begins, which = begins[order], which[order]
        start, level = padded(self.cells, begins, drawn_levels(self, begins, rng))
        within = (
            which + rng.uniform(size=draws)
        ) / NODES  # all of an equal part, not its middle alone
        arrays = {
            "expected_changes": ("sample", self.priors["expected_changes"].quantile(within)),
            "n_changes": ("sample", begins.sum(axis=1) - 1),
            "block_start": (("sample", "block"), start),
            "block_level": (("sample", "block"), level),
        }
        place = self.cells.edges[:-1]
        return {
            "posterior": xr.Dataset(arrays),
            "sample_stats": xr.Dataset(attrs={"importance_efficiency": 1.0, "interrupted": 0}),
            "evidence": xr.Dataset({"log_evidence": self.log_total, "log_evidence_error": 0.0}),
            "changes": xr.Dataset({"probability": ("place", self.probability())}, {"place": place}),
        }


def drawn_levels(
    problem: BlocksProblem, begins: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """A level for each block of each draw, in the order of draws and blocks: (total,)."""
    cells = problem.cells
    draw, cell = np.nonzero(begins)
    last = np.append(cell[1:], 0)
    last[np.append(draw[1:] != draw[:-1], True)] = begins.shape[1]
    first = cells.first[last] - cells.first[cell]
    second = cells.second[last] - cells.second[cell]
    if cells.poisson:
        return rng.gamma(problem.a + first) / (problem.b + second)
    wide = 1 + problem.b * second
    normal = rng.standard_normal(len(first))
    return problem.centre + problem.b * first / wide + np.sqrt(problem.b / wide) * normal


def padded(cells: Cells, begins: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and levels of the blocks, (s, most): after the last one it begins again at the end."""
    draw, cell = np.nonzero(begins)
    place = np.arange(len(draw)) - np.searchsorted(draw, draw)
    most = int(begins.sum(axis=1).max())
    start = np.full((len(begins), most), cells.edges[-1])
    found = np.full((len(begins), most), np.nan)
    start[draw, place], found[draw, place] = cells.edges[cell], level
    last = level[np.append(np.flatnonzero(np.diff(draw)), len(draw) - 1)]
    return start, np.where(np.isnan(found), last[:, None], found)
