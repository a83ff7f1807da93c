"""What spectra have in common: factor analysis with an error for every pixel, and gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data.spectra import Spectra
from bayes_astro.model import Model
from bayes_astro.parameters import Parameter, Setting, choice, either, optional, switch, whole
from bayes_astro.priors import Prior
from bayes_astro.spectra import inputs
from bayes_astro.spectra.choice import chosen, tails_wanted
from bayes_astro.spectra.factored import FactoredSpectra
from bayes_astro.spectra.floors import KINDS, SPREAD, Floor
from bayes_astro.spectra.gibbs import relative_widths
from bayes_astro.spectra.problem import FactorsProblem

if TYPE_CHECKING:
    import xarray as xr

    from bayes_astro.samplers import Sampler

__all__ = ["SpectralFactors"]

FEW = 5  # spectra whose weight the middle of all pixels has
LIKELY = 4  # factors, before a fit has looked
NUMBERS = 25_000_000  # that a posterior may hold by default
HEAVY = 2e9  # products a sweep from which draws take more than some minutes


def _loading(flux: np.ndarray) -> Prior:
    """As wide as fluxes scatter at each pixel, beside the middle of all; of few spectra less so."""
    count = np.sum(~np.isnan(flux), axis=0)
    square = np.nansum((flux - np.nanmean(flux, axis=0)) ** 2, axis=0)
    usual = float(np.median(square / count))
    width = (
        np.sqrt((square + FEW * usual) / (count + FEW) / usual)
        if usual > 0
        else np.ones(len(count))
    )
    return Prior("Normal", mu=0.0, sigma=[float(f"{x:.4g}") for x in width])


@dataclass(eq=False, repr=False)
class SpectralFactors(FactoredSpectra):
    r"""Spectra as a mean and a few components, each pixel with its error, gaps and all.

    The story. K components are common to all spectra, and each spectrum has a coefficient for each,

    .. code-block:: text

        x_ij = mean_j + sum_k component_kj z_ik + e_ij,        z_ik ~ N(0, 1)
        component_kj ~ N(0, scale_k^2 width_j^2)
        e_ij ~ N(0, error_ij^2 + floor_j^2),   or Student's t of that width (robust)
        floor_j ~ LogNormal(log floor_scale, 1)

    for the pixels that were measured; others are left out of the product, and are predicted from the rest of
    their spectrum with the uncertainty of coefficients *and* components. That is principal component analysis
    with the noise in it: without errors and gaps its maximum is that of factor analysis, with one
    floor for all pixels that of principal components.

    A component that the data do not ask for shrinks by its ``scale``, so that too many do little
    harm. width_j, the prior of ``loading``, is how much fluxes scatter at a pixel beside others: a line
    that is many times what components are elsewhere would else be taken for noise. Draws are by turns of Gaussians (`ba.Gibbs`), with K x K solves for spectra and pixels, never
    pixels x pixels (`bayes_astro.spectra.gibbs`). Which rotation of the components is meant no data say:
    ``component`` holds all draws turned to the singular vectors of their mean, and
    convergence is judged on what depends on no rotation.

    Parameters
    ----------
    n_factors : int or "auto"
        K. "auto": the smallest number that predicts hidden pixels as well as the best.
    noise : {"per-pixel floor", "smooth floor", "floor", "stated"}
        What is inferred beside the stated errors: a standard deviation for each pixel, a smooth curve of
        wavelength, one number, nothing.
    continuum : int, optional
        Degree of a polynomial of wavelength that each spectrum has beside the components, for
        calibrations and reddening that differ from spectrum to spectrum.
    robust : bool or "auto"
        Student's t noise with its own degrees of freedom, for cosmic rays and spectra that differ in more than
        K ways. "auto": where it predicts hidden pixels better.
    priors : dict of str to Prior, optional
        ``mean``: Normal about the middle flux, three times as wide as all fluxes; ``scale``: HalfNormal of the
        fluxes' scatter about their mean; ``loading``: Normal(0, width_j) of the scatter at each pixel over
        that in the middle of all; ``floor_scale`` (of one number ``floor``) and
        ``continuum_scale``: the same; ``degrees_of_freedom``: Gamma(2, 0.1).

    Notes
    -----
    Variables: ``mean`` (pixel), ``component`` (factor, pixel), ``floor`` (pixel, or a number),
    ``floor_scale``, ``scale`` by size, ``eigenvalue`` (factor) of the components' covariance, summed
    over pixels, and ``total``, their sum; ``continuum_scale``, ``degrees_of_freedom``. Of `ba.MAP` scales are held wide, and
    too many components fit noise.

    References
    ----------
    Roweis 1998, NIPS 10, 626; Bailey 2012, PASP 124, 1015; Yip et al. 2004, AJ 128, 585.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_astro as ba
    >>> rng = np.random.default_rng(1)
    >>> wavelength = np.linspace(4000, 5000, 50)
    >>> line = np.exp(-0.5 * ((wavelength - 4400) / 60) ** 2)
    >>> flux = 1 + rng.normal(size=(30, 1)) * line + rng.normal(0, 0.05, (30, 50))
    >>> flux[0, 15:25] = np.nan
    >>> spectra = ba.Spectra(wavelength, flux, 0.05)
    >>> model = ba.SpectralFactors(1, noise="stated", robust=False)
    >>> short = ba.Gibbs(draws=100, tune=50, chains=2)
    >>> _ = model.fit(spectra, short, seed=1, progress=False)
    >>> model.reconstruct(spectra)["q975"].sizes["pixel"]
    50
    """

    n_factors: Any = "auto"
    noise: str = "per-pixel floor"
    continuum: int | None = None
    robust: Any = "auto"
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Spectra
    settings: ClassVar[dict[str, Setting]] = {
        "n_factors": either("auto", whole(1, 100)),
        "noise": choice(*KINDS),
        "continuum": optional(whole(0, 6)),
        "robust": either("auto", switch),
    }
    references: ClassVar[tuple[str, ...]] = ("roweis1998", "bailey2012", "yip2004")
    samplers: ClassVar[tuple[str, ...]] = ("Gibbs", "MAP", "NUTS")

    # Checks of the data -------------------------------------------------------------------------

    def check_data(self, data: Spectra) -> None:
        """Raise ValueError for spectra from which nothing can be learned."""
        inputs.check(data, 1 if self.n_factors == "auto" else int(self.n_factors))
        if self.noise == "stated" and not np.nanmax(data.error) > 0:
            raise ValueError(
                "error: no errors are stated; noise='per-pixel floor' infers them, 'floor' one for all."
            )

    # Choices from the data ----------------------------------------------------------------------

    def settle(
        self, data: Spectra, seed: int | None, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the noise's family and the number of factors."""
        model, groups = self.copy(), {}
        most = max(1, min(len(data), len(data.wavelength)) - 1)
        if self.robust == "auto":
            model.robust = False
            if seed is not None:
                few = min(LIKELY, most) if self.n_factors == "auto" else int(self.n_factors)
                model.robust = tails_wanted(model.copy(n_factors=few), data, seed)
        if self.n_factors == "auto":
            model.n_factors = min(LIKELY, most)
            if seed is not None:
                model.n_factors, groups["choice"] = chosen(model, data, seed, progress)
        return model, groups

    def coords(self, data: Spectra) -> dict[str, Any]:
        """Wavelengths, and numbers of factors."""
        count = int(self.settle(data, None, False)[0].n_factors)  # type: ignore[attr-defined]
        return {"pixel": data.wavelength, "factor": np.arange(1, count + 1)}

    def parameters(self, data: Spectra) -> list[Parameter]:
        """Of the size of the fluxes and of their scatter."""
        unit, flux = data.unit or "", data.flux
        spread = float(np.sqrt(np.nanmean((flux - np.nanmean(flux, axis=0)) ** 2)))
        wide = Prior("Normal", mu=float(np.nanmedian(flux)), sigma=3 * float(np.nanstd(flux)))
        half = Prior("HalfNormal", sigma=spread)
        found = [
            Parameter("mean", wide, ("pixel",), unit, families=("Normal",)),
            Parameter("scale", half, ("factor",), unit, "positive"),
            Parameter("loading", _loading(flux), ("pixel",), families=("Normal",)),
        ]
        if self.noise != "stated":
            name = "floor" if self.noise == "floor" else "floor_scale"
            found.append(Parameter(name, half, unit=unit, support="positive"))
        if self.continuum is not None:
            found.append(Parameter("continuum_scale", half, unit=unit, support="positive"))
        if self.robust is True:
            prior = Prior("Gamma", alpha=2.0, beta=0.1)
            found.append(Parameter("degrees_of_freedom", prior, support="positive"))
        return found

    def units(self, data: Spectra) -> dict[str, str]:
        """Those of the flux, and its square."""
        if not data.unit:
            return {}
        own = {one.name: one.unit for one in self.parameters(data) if one.unit}
        floor = {} if self.noise == "stated" else {"floor": data.unit}
        square = f"({data.unit})2"
        return own | floor | {"component": data.unit, "eigenvalue": square, "total": square}

    def default_sampler(self, data: Spectra) -> tuple[Sampler, str]:
        """By turns; of very many spectra, whose components hardly scatter, the maximum."""
        from bayes_astro.samplers import MAP, Gibbs

        n, p = data.flux.shape
        k = LIKELY if self.n_factors == "auto" else int(self.n_factors)
        if n * p * (k + 1) ** 2 > HEAVY:
            return MAP(), f"{n} spectra of {p} pixels would take too long to sample"
        draws = int(np.clip(NUMBERS / (4 * (k + 2) * p), 250, 500))
        return Gibbs(draws=draws, tune=200, chains=4), ""

    def problem(self, data: Spectra, priors: dict[str, Prior]) -> FactorsProblem:
        """With every choice made."""
        settled: Any = self.settle(data, None, False)[0]
        return FactorsProblem(settled, data, priors, int(settled.n_factors))

    def converged_on(self) -> tuple[str, ...]:
        """What depends on no rotation; of single eigenvalues a check of its own speaks."""
        names = ["total"]
        if self.noise != "stated":
            names.append("floor" if self.noise == "floor" else "floor_scale")
        if self.continuum is not None:
            names.append("continuum_scale")
        return tuple(names)

    def prior_draws(
        self, design: Spectra, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior; of components and of the floors of pixels, too."""
        plain = super().prior_draws(design, priors, draws, rng).drop_vars("loading")
        width = relative_widths(priors, len(design.wavelength))
        scale = plain["scale"].values
        unit = width * rng.standard_normal((*scale.shape, len(width)))
        found: dict[str, Any] = {
            "component": (("chain", "draw", "factor", "pixel"), scale[..., None] * unit)
        }
        if "floor_scale" in plain:
            floor = Floor(self.noise, design.wavelength)
            middle = np.log(plain["floor_scale"].values)[..., None]
            theta = middle + SPREAD * rng.standard_normal((*middle.shape[:-1], floor.nodes))
            found["floor"] = (("chain", "draw", "pixel"), np.exp(floor.logarithm(theta)))
        return self.derived(plain.assign(found), priors)

    def equation(self) -> str:
        """The model in one line."""
        floor = "" if self.noise == "stated" else " + floor_j²"
        smooth = " + polynomial_i(wavelength_j)" if self.continuum is not None else ""
        family = "t" if self.robust is True else "N"
        return (
            f"x_ij = mean_j + Σ_k component_kj z_ik{smooth} + e_ij, z_ik ~ N(0, 1), "
            f"e_ij ~ {family}(0, error_ij²{floor})"
        )
