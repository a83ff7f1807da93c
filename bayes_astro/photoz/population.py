"""The redshift distribution of a population, from what photometry says of each member."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import BinnedRedshifts
from bayes_astro.data.binned_redshifts import in_bins
from bayes_astro.model import Model, checked_seed
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["PopulationNz"]


@dataclass(eq=False, repr=False)
class PopulationNz(Model):
    r"""N(z) of a population whose redshifts are known by photometry alone.

    The story. Each object has a redshift bin, drawn with the fractions n_j of the population, and data
    d_i that depend on it. What is given is p(j | d_i) under an interim prior pi, so that the
    likelihood of bin j is p(j | d_i) / pi_j, and the bins of the objects sum out:

    .. code-block:: text

        step ~ LogNormal(-0.7, 0.6),   phi_0 = 0,   phi_j = phi_(j-1) + step e_j,   e_j ~ Normal(0, 1)
        n_j = exp(phi_j) / sum_k exp(phi_k)
        p(d | n) = prod_i sum_j n_j p(j | d_i) / pi_j

    (Leistedt, Mortlock & Peiris 2016; Malz & Hogg 2022). Adding up the p(j | d_i), "stacking", gives
    instead n smeared by every object's uncertainty and drawn towards pi. The random walk ties
    neighbouring bins together as far as the data want it; without, the fractions fall apart into
    spikes, since deconvolution amplifies noise. With smoothness="gp" phi is a Gaussian process in the
    middles of the bins instead, smooth on a length that is inferred,

    .. code-block:: text

        amplitude ~ LogNormal(log 2, 0.5),   length ~ LogNormal(log(range / 6), 0.5)
        phi ~ GP(0, amplitude^2 (1 + s) e^-s),   s = sqrt(3) |z - z'| / length

    Where the probabilities come as several draws of a photo-z model (`XDPhotoZ` with `bootstrap`, or
    a Laplace posterior), each draw is fitted by itself and the draws of all fits are pooled, so that
    the model's own uncertainty is in the answer. The population does not teach the photo-z model.
    Convergence is judged within each of these fits.

    Parameters
    ----------
    bins : array_like, optional
        Edges of redshift bins, some of those of the data, whose bins are merged. Default: the bins
        of the data.
    smoothness : {"random-walk", "gp", "independent"}
        "independent": phi_j ~ Normal(0, step) for j > 0, no ties between neighbours.
    priors : dict of str to Prior, optional
        ``step``: LogNormal(mu=-0.7, sigma=0.6), half a factor of e; ``amplitude`` and ``length`` (in
        redshift) of a Gaussian process as above.

    Notes
    -----
    Variables: ``fraction`` by bin, ``density`` (fraction per unit of redshift), ``mean_redshift``,
    ``step`` or ``amplitude`` and ``length``.

    References
    ----------
    Leistedt, Mortlock & Peiris 2016, MNRAS 460, 4258; Malz & Hogg 2022, ApJ 928, 127.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> model = ba.PopulationNz()
    >>> model.fit(photoz.binned(targets, edges), seed=1)  # doctest: +SKIP
    """

    bins: Any = None
    smoothness: str = "random-walk"
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = BinnedRedshifts
    figures: ClassVar[str] = "population"
    references: ClassVar[tuple[str, ...]] = ("leistedt2016", "malz2022")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")
    working: ClassVar[tuple[str, ...]] = ("unit",)

    def check_parameters(self) -> None:
        """Raise ValueError for a prior of the shape that is not known."""
        if self.smoothness not in ("random-walk", "gp", "independent"):
            raise ValueError(
                f"smoothness={self.smoothness!r} must be 'random-walk', 'gp' or 'independent'."
            )

    def _checked(self, data: Any) -> BinnedRedshifts:
        return in_bins(super()._checked(data), self.bins)

    def observed(self, data: BinnedRedshifts) -> np.ndarray:
        """The mean redshift of every object under the interim prior: what there is to see."""
        data = in_bins(data, self.bins)
        return data.probability.mean(axis=0) @ data.middle

    def default_priors(self, data: BinnedRedshifts) -> dict[str, Prior]:
        """Neighbouring bins differ by factors of 1.2 to 4; not by none, where the walk would freeze."""
        if self.smoothness != "gp":
            return {"step": Prior("LogNormal", mu=-0.7, sigma=0.6)}
        length = float(np.log(np.ptp(in_bins(data, self.bins).edges) / 6))
        return {
            "amplitude": Prior("LogNormal", mu=float(np.log(2.0)), sigma=0.5),
            "length": Prior("LogNormal", mu=length, sigma=0.5),
        }

    def check_priors(self, priors: dict[str, Prior], data: BinnedRedshifts) -> None:
        """Steps, amplitudes and lengths are positive."""
        for name, prior in priors.items():
            if np.any(prior.support[0] < 0):
                raise ValueError(
                    f"Prior of {name!r}: {prior} admits negative values; use LogNormal, ..."
                )

    def arrays(self, data: BinnedRedshifts, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``: likelihoods whose largest is one for each object."""
        ratio = in_bins(data, self.bins).ratio[0]
        return {"ratio": ratio / ratio.max(axis=1, keepdims=True)}

    def build(self, data: BinnedRedshifts, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The marginal model; see the class for its equations.

        phi is sampled in the axes and units of the Gaussian about its mode (`unit`), which makes
        the posterior round; its prior is that of the increments.
        """
        import pymc as pm
        import pytensor.tensor as pt

        from bayes_astro.likelihoods.ops import MaternDifferencesDensity, PopulationDensity

        data = in_bins(data, self.bins)
        priors = self.resolve_priors(data) if priors is None else priors
        arrays = self.arrays(data, priors)
        mode, factor, _ = self._gaussian(arrays["ratio"], data.middle, priors)
        with pm.Model(coords={"bin": bin_labels(data)}) as model:
            ratio = pm.Data("ratio", arrays["ratio"])
            shape = {name: prior.variable(name) for name, prior in priors.items()}
            unit = pm.Flat("unit", shape=len(mode))
            free = mode + pt.dot(factor, unit)
            phi = pt.concatenate([pt.zeros(1), free])
            if self.smoothness == "gp":
                walk = MaternDifferencesDensity()(
                    free, shape["amplitude"], shape["length"], data.middle
                )[0]
            else:
                increment = pt.diff(phi) if self.smoothness == "random-walk" else free
                walk = pt.sum(pm.logp(pm.Normal.dist(0.0, shape["step"]), increment))
            pm.Potential("walk", walk)
            fraction = pm.Deterministic("fraction", pm.math.softmax(phi), dims="bin")
            pm.Potential("objects", PopulationDensity()(fraction, ratio)[0])
        return model

    def _precision(self, middle: np.ndarray, priors: dict[str, Prior]) -> np.ndarray:
        """Inverse covariance of phi_1 ... (J - 1) before, for a step or amplitude of one."""
        if self.smoothness == "gp":
            from bayes_astro.likelihoods.matern_differences import covariance

            return np.linalg.inv(covariance(middle, _median(priors["length"]))[0])
        if self.smoothness == "independent":
            return np.eye(len(middle) - 1)
        difference = np.diff(np.eye(len(middle)), axis=0)[:, 1:]
        return difference.T @ difference

    def _gaussian(
        self, ratio: np.ndarray, middle: np.ndarray, priors: dict[str, Prior]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Mode of phi_1 ... (J - 1), a factor of its covariance there, and a step that suits it.

        With q_ij = n_j r_ij / sum_k n_k r_ik the gradient of the log likelihood by phi_j is
        sum_i (q_ij - n_j), and sum_i (q_i - n)(q_i - n)' its information: Newton's method (Fisher
        scoring), while the step, or amplitude, follows phi.
        """
        precision = self._precision(middle, priors)
        phi, step = np.zeros(len(precision)), 0.5
        value, move = -np.inf, np.zeros(len(phi))

        def parts(phi: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            full = np.append(0.0, phi)
            fraction = np.exp(full - full.max())
            fraction /= fraction.sum()
            product = fraction * ratio
            total = product.sum(axis=1)
            centred = (product / total[:, None] - fraction)[:, 1:]
            pull = precision @ phi / step**2
            value = np.log(total).sum() - 0.5 * phi @ pull
            return value, centred.sum(axis=0) - pull, centred.T @ centred + precision / step**2

        for _ in range(60):
            value, gradient, information = parts(phi)
            move = np.linalg.solve(information, gradient)
            for _ in range(20):
                if parts(phi + move)[0] >= value - 1e-9:
                    break
                move *= 0.5
            phi = phi + move
            # Of the mean square, that of the posterior's spread is a part.
            square = phi @ precision @ phi + np.sum(precision * np.linalg.inv(information))
            step = float(np.clip(np.sqrt(square / len(phi)), 0.05, 3.0))
            if np.abs(move).max() < 1e-6:
                break
        covariance = np.linalg.inv(parts(phi)[2])
        return phi, np.linalg.cholesky((covariance + covariance.T) / 2), step

    def starts(
        self,
        data: BinnedRedshifts,
        priors: dict[str, Prior],
        count: int,
        rng: np.random.Generator,
    ) -> dict[str, np.ndarray]:
        """About the mode."""
        mode, _, step = self._gaussian(self.arrays(data, priors)["ratio"], data.middle, priors)
        size: dict[str, float] = {name: step for name in ("step", "amplitude") if name in priors}
        if "length" in priors:
            size["length"] = _median(priors["length"])
        return {
            **{name: value * np.exp(rng.normal(0, 0.1, count)) for name, value in size.items()},
            "unit": rng.normal(0, 0.5, (count, len(mode))),
        }

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds densities and the mean redshift."""
        edges = np.array([[float(x) for x in label.split(" to ")] for label in draws["bin"].values])
        width, middle = edges[:, 1] - edges[:, 0], edges.mean(axis=1)
        fraction = draws["fraction"].transpose("chain", "draw", "bin")
        return draws.assign(
            density=(fraction.dims, fraction.values / width),
            mean_redshift=(("chain", "draw"), fraction.values @ middle),
        )

    def fit(
        self,
        data: BinnedRedshifts,
        sampler: Sampler | None = None,
        *,
        seed: int | None = None,
        progress: bool = True,
    ) -> PopulationNz:
        """Sample the posterior; of several draws of the photo-z model, one after the other.

        Parameters
        ----------
        data : BinnedRedshifts
        sampler : ba.NUTS or ba.Emcee, optional
            Its draws are shared out among the draws of the photo-z model.
        seed : int, optional
        progress : bool

        Returns
        -------
        self
        """
        if not isinstance(data, BinnedRedshifts) or data.draws == 1:
            super().fit(data, sampler, seed=seed, progress=progress)
            return self
        import xarray as xr

        from bayes_astro import samplers

        self._tree = None
        data = self._checked(data)
        seed = checked_seed(seed)
        sampler, because = samplers.chosen(self, sampler, data)
        priors = self.resolve_priors(data)
        each = type(sampler)(**(vars(sampler) | _shared(sampler, data.draws)))
        compiled = each.compile(self, data.draw(0), priors)
        trees = []
        for i in range(data.draws):
            tree = each.sample(compiled, data.draw(i), seed + i, progress=progress)
            if tree is None:
                break
            trees.append(tree)
        if not trees:
            return self
        joined = {}
        for group in ("posterior", "sample_stats"):
            parts = [tree[group].to_dataset() for tree in trees]
            least = min(part.sizes["draw"] for part in parts)
            parts = [part.isel(draw=slice(least)).drop_vars("draw") for part in parts]
            whole = xr.concat(parts, "draw")
            part = np.repeat(np.arange(len(parts)), least)
            joined[group] = whole.assign_coords(draw=np.arange(len(part)), part=("draw", part))
            joined[group].attrs = parts[0].attrs
        tree = xr.DataTree.from_dict(joined)
        self._store(tree, data, seed, priors=priors, sampler=sampler, sampler_because=because)
        return self

    def pointwise(self, draws: xr.Dataset, data: BinnedRedshifts) -> xr.DataArray:
        """log sum_j n_j p(j | d_i) / pi_j by the draw of the photo-z model that N(z) is of."""
        import xarray as xr

        data = in_bins(data, self.bins)
        fraction, part = _pairs(draws, data)
        values = np.empty((len(fraction), len(data)))
        for i in np.unique(part):
            values[part == i] = np.log(fraction[part == i] @ data.ratio[i].T)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def reweighted(self, data: BinnedRedshifts | None = None) -> BinnedRedshifts:
        """Every object's probabilities with N(z) in the place of the interim prior.

        Averaged over the posterior's draws (at most 200 of each chain).
        """
        data = self.data if data is None else in_bins(data, self.bins)
        draws = self.posterior["posterior"].to_dataset()
        keep = np.linspace(0, draws.sizes["draw"] - 1, 200).round().astype(int)
        fraction, part = _pairs(draws.isel(draw=np.unique(keep)), data)
        found = np.zeros(data.probability.shape[1:])
        for one, i in zip(fraction, part, strict=True):
            product = one * data.ratio[i]
            found += product / product.sum(axis=1, keepdims=True)
        return BinnedRedshifts(
            found, data.edges, fraction.mean(axis=0) + 1e-12, data.name, data.source
        )

    def forecast(
        self, draws: xr.Dataset, data: BinnedRedshifts, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """Redshifts of the objects: a bin given data and N(z), evenly within it."""
        import xarray as xr

        at = in_bins(at, self.bins)
        fraction, part = _pairs(draws, at)
        values = np.empty((len(fraction), len(at)))
        for s, one in enumerate(fraction):
            cumulative = np.cumsum(one * at.ratio[part[s]], axis=1)
            u = rng.uniform(size=len(at)) * cumulative[:, -1]
            which = (u[:, None] > cumulative).sum(axis=1)
            low, high = at.edges[which], at.edges[which + 1]
            values[s] = low + (high - low) * rng.uniform(size=len(at))
        shape = (draws.sizes["chain"], draws.sizes["draw"])
        entry = (("chain", "draw", "row"), values.reshape(*shape, len(at)))
        return xr.Dataset({"signal": entry, "observation": entry})

    def prior_draws(
        self,
        design: BinnedRedshifts,
        priors: dict[str, Prior],
        draws: int,
        rng: np.random.Generator,
    ) -> xr.Dataset:
        """Draws of all variables from the prior."""
        import xarray as xr

        design = in_bins(design, self.bins)
        bins = len(design.middle)
        shape = {name: prior.sample(rng, (draws,)) for name, prior in priors.items()}
        unit = rng.standard_normal((draws, bins - 1))
        if self.smoothness == "gp":
            from bayes_astro.likelihoods.matern_differences import covariance

            each = [covariance(design.middle, length)[0] for length in shape["length"]]
            phi = np.einsum("sij,sj->si", np.linalg.cholesky(each), unit)
            phi *= shape["amplitude"][:, None]
        else:
            phi = shape["step"][:, None] * unit
            phi = np.cumsum(phi, axis=1) if self.smoothness == "random-walk" else phi
        phi = np.concatenate([np.zeros((draws, 1)), phi], axis=1)
        phi -= phi.max(axis=1, keepdims=True)
        fraction = np.exp(phi)
        fraction /= fraction.sum(axis=1, keepdims=True)
        found = xr.Dataset(
            {name: (("chain", "draw"), value[None]) for name, value in shape.items()}
            | {"fraction": (("chain", "draw", "bin"), fraction[None])},
            {"bin": bin_labels(design)},
        )
        return self.derived(found, priors)

    def simulate_data(
        self, parameters: xr.Dataset, design: BinnedRedshifts, rng: np.random.Generator
    ) -> BinnedRedshifts:
        """As many objects as in `design`, each like one of its objects, with exact likelihoods.

        What can be observed are the data of the objects i of `design`, with r_ij the ratio of
        probability and interim prior (its mean over draws of the photo-z model):

        .. code-block:: text

            bin j ~ n_j,    p(data i | bin j) = r_ij / sum_l r_lj

        The likelihoods of an object drawn so are p(data i | bin j), under a flat interim prior.
        """
        ratio = design.ratio.mean(axis=0)
        likelihood = ratio / ratio.sum(axis=0)
        share = likelihood @ parameters["fraction"].values
        rows = rng.choice(len(design), len(design), p=share / share.sum())
        flat = np.ones(ratio.shape[1])
        return BinnedRedshifts(likelihood[rows], design.edges, flat, design.name)

    def scores(self, test: BinnedRedshifts) -> dict[str, None]:
        """The log score alone: no redshift of the objects is known."""
        return dict.fromkeys(("crps", "rmse", "bias", "coverage_68", "coverage_95"))

    def default_sampler(self, data: BinnedRedshifts) -> tuple[Sampler, str]:
        """NUTS with short steps: fractions near zero bend the posterior, whose shape is known before."""
        from bayes_astro.samplers import NUTS

        return NUTS(tune=400, target_accept=0.95), ""

    def judged(self) -> tuple[str, ...]:
        """What is asked for."""
        return ("fraction", "mean_redshift")

    def baseline(self) -> Any:
        """Adding the probabilities up."""
        from bayes_astro.baselines.population import Stacking

        return Stacking(self.bins)

    def equation(self) -> str:
        """The model in one line."""
        return "p(d | n) = Π_i Σ_j n_j p(j | d_i) / π_j;  log n: " + self.smoothness


def _pairs(draws: xr.Dataset, data: BinnedRedshifts) -> tuple[np.ndarray, np.ndarray]:
    """Fractions (draws, J), and the draw of the photo-z model in `data` that goes with each.

    That which they were fitted to; in turn, where there is no such thing: before a fit, or where the
    data come from other draws.
    """
    fraction = draws["fraction"].transpose("chain", "draw", "bin").values
    fraction = fraction.reshape(-1, fraction.shape[-1])
    part = np.arange(draws.sizes["draw"])
    part = draws["part"].values if "part" in draws.coords else part
    return fraction, np.tile(part % data.draws, draws.sizes["chain"])


def _median(prior: Prior) -> float:
    """About, of the same draws every time."""
    return float(np.median(prior.sample(np.random.default_rng(0), (2001,))))


def bin_labels(data: BinnedRedshifts) -> list[str]:
    """Names of the bins by their edges, without the noise of the last digits."""
    edges = [float(f"{edge:.10g}") for edge in data.edges]
    return [f"{low!r} to {high!r}" for low, high in pairwise(edges)]


def _shared(sampler: Any, parts: int) -> dict[str, int]:
    """The sampler's length for each part, so that all together are as long."""
    name = "draws" if hasattr(sampler, "draws") else "steps"
    return {name: max(10, -(-int(getattr(sampler, name)) // parts))}
