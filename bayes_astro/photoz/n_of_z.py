"""The redshift distribution of a population, from what photometry says of each member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import BinnedRedshifts
from bayes_astro.data.binned_redshifts import bin_labels, in_bins
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, choice
from bayes_astro.photoz.n_of_z_problem import PopulationProblem, softmax
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["PopulationNz"]


@dataclass(eq=False, repr=False)
class PopulationNz(Model):
    r"""N(z) of a population whose redshifts are known by photometry alone.

    The story. Each object has a redshift bin, drawn with the fractions n_j of the population, and
    data d_i that depend on it. What is given is p(j | d_i) under an interim prior pi, so that the
    likelihood of bin j is p(j | d_i) / pi_j, and the bins of the objects sum out:

    .. code-block:: text

        step ~ LogNormal(-0.7, 0.6),   phi_0 = 0,   phi_j = phi_(j-1) + step e_j,   e_j ~ Normal(0, 1)
        n_j = exp(phi_j) / sum_k exp(phi_k)
        p(d | n) = prod_i sum_j n_j p(j | d_i) / pi_j

    (Leistedt, Mortlock & Peiris 2016; Malz & Hogg 2022). Adding up the p(j | d_i), "stacking",
    gives instead n smeared by every object's uncertainty and drawn towards pi. The random walk ties
    neighbouring bins together as far as the data want it; without, the fractions fall apart into
    spikes, since deconvolution amplifies noise. With smoothness="gp" phi is a Gaussian process in
    the middles of the bins instead, smooth on a length that is inferred,

    .. code-block:: text

        amplitude ~ LogNormal(log 2, 0.5),   length ~ LogNormal(log(range / 6), 0.5)
        phi ~ GP(0, amplitude^2 (1 + s) e^-s),   s = sqrt(3) |z - z'| / length

    Where the probabilities come as several draws of a photo-z model (`XDPhotoZ` with `bootstrap`,
    or a Laplace posterior), each draw is fitted by itself and the draws of all fits are pooled, so
    that the model's own uncertainty is in the answer. The population does not teach the photo-z
    model. Convergence is judged within each of these fits.

    Parameters
    ----------
    bins : array_like, optional
        Edges of redshift bins, some of those of the data, whose bins are merged. Default: the bins
        of the data.
    smoothness : {"random-walk", "gp", "independent"}
        "independent": phi_j ~ Normal(0, step) for j > 0, no ties between neighbours.
    priors : dict of str to Prior, optional
        ``step``: LogNormal(mu=-0.7, sigma=0.6), half a factor of e; ``amplitude`` and ``length``
        (in redshift) of a Gaussian process as above.

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
    >>> edges = [0.0, 0.2, 0.4, 1.0]
    >>> likelihood = [[0.8, 0.2, 0.0]] * 30 + [[0.1, 0.8, 0.1]] * 20  # or model.binned(...)
    >>> data = ba.BinnedRedshifts(likelihood, edges, interim_prior=[1 / 3] * 3)
    >>> short = ba.NUTS(draws=200, tune=200, chains=2)
    >>> model = ba.PopulationNz().fit(data, short, seed=1, progress=False)
    >>> model.posterior["posterior"]["density"].shape
    (2, 200, 3)
    """

    bins: Any = None
    smoothness: str = "random-walk"
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = BinnedRedshifts
    settings: ClassVar[dict[str, Setting]] = {
        "smoothness": choice("random-walk", "gp", "independent"),
    }
    references: ClassVar[tuple[str, ...]] = ("leistedt2016", "malz2022")
    samplers: ClassVar[tuple[str, ...]] = ("NUTS", "Emcee")
    internal: ClassVar[tuple[str, ...]] = ("unit",)

    def prepare(self, data: BinnedRedshifts) -> BinnedRedshifts:
        """The data in the bins that were asked for."""
        return in_bins(data, self.bins)

    def responses(self, data: BinnedRedshifts) -> np.ndarray:
        """The mean redshift of every object under the interim prior: what there is to see."""
        data = in_bins(data, self.bins)
        return data.probability.mean(axis=0) @ data.middle

    def parameters(self, data: BinnedRedshifts) -> list[Parameter]:
        """Neighbouring bins differ by factors of 1.2 to 4; not by none, where the walk would freeze."""
        if self.smoothness != "gp":
            return [Parameter("step", Prior("LogNormal", mu=-0.7, sigma=0.6), support="positive")]
        length = float(np.log(np.ptp(in_bins(data, self.bins).edges) / 6))
        amplitude = Prior("LogNormal", mu=float(np.log(2.0)), sigma=0.5)
        return [
            Parameter("amplitude", amplitude, support="positive"),
            Parameter("length", Prior("LogNormal", mu=length, sigma=0.5), support="positive"),
        ]

    def problem(self, data: BinnedRedshifts, priors: dict[str, Prior]) -> PopulationProblem:
        """The posterior given the first draw of the photo-z model."""
        return PopulationProblem(self, in_bins(data, self.bins), priors)

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds densities and the mean redshift."""
        edges = np.array([[float(x) for x in label.split(" to ")] for label in draws["bin"].values])
        width, middle = edges[:, 1] - edges[:, 0], edges.mean(axis=1)
        fraction = draws["fraction"].transpose("chain", "draw", "bin")
        return draws.assign(
            density=(fraction.dims, fraction.values / width),
            mean_redshift=(("chain", "draw"), fraction.values @ middle),
        )

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

        Parameters
        ----------
        data : BinnedRedshifts, optional
            None: the fitted ones.

        Returns
        -------
        BinnedRedshifts
            The same objects in the same bins.
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

    def latents(
        self, draws: xr.Dataset, design: BinnedRedshifts, rng: np.random.Generator
    ) -> xr.Dataset:
        """Fractions by the walk, or the Gaussian process."""
        design = in_bins(design, self.bins)
        bins, count = len(design.middle), draws.sizes["draw"]
        unit = rng.standard_normal((count, bins - 1))
        if self.smoothness == "gp":
            from bayes_astro.likelihoods.matern_differences import covariance

            each = [covariance(design.middle, float(x))[0] for x in draws["length"].values[0]]
            phi = np.einsum("sij,sj->si", np.linalg.cholesky(each), unit)
            phi *= draws["amplitude"].values[0, :, None]
        else:
            phi = draws["step"].values[0, :, None] * unit
            phi = np.cumsum(phi, axis=1) if self.smoothness == "random-walk" else phi
        return draws.assign(fraction=(("chain", "draw", "bin"), softmax(phi)[None])).assign_coords(
            bin=bin_labels(design)
        )

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

    def converged_on(self) -> tuple[str, ...]:
        """What is asked for."""
        return ("fraction", "mean_redshift")

    def equation(self) -> str:
        """The model in one line."""
        return "p(d | n) = Π_i Σ_j n_j p(j | d_i) / π_j;  log n: " + self.smoothness


def _pairs(draws: xr.Dataset, data: BinnedRedshifts) -> tuple[np.ndarray, np.ndarray]:
    """Fractions (draws, J), and the draw of the photo-z model in `data` that goes with each.

    That which they were fitted to; in turn, where there is no such thing: before a fit, or where
    the data come from other draws.
    """
    fraction = draws["fraction"].transpose("chain", "draw", "bin").values
    fraction = fraction.reshape(-1, fraction.shape[-1])
    part = np.arange(draws.sizes["draw"])
    part = draws["part"].values if "part" in draws.coords else part
    return fraction, np.tile(part % data.draws, draws.sizes["chain"])
