"""Redshifts of galaxies from their magnitudes, by the joint density of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bayes_astro.data import BinnedRedshifts, Measurements, Photometry
from bayes_astro.data.binned_redshifts import check_inside
from bayes_astro.density import inputs, objects, selection, story
from bayes_astro.density.expectation import Problem
from bayes_astro.density.mixture import Mixture
from bayes_astro.model import Model
from bayes_astro.photoz import error_scale, evidence, training
from bayes_astro.photoz.conditional import RedshiftDensity
from bayes_astro.photoz.features import fluxes, softening
from bayes_astro.photoz.scores import redshift_scores
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from bayes_astro.diagnostics import Check
    from bayes_astro.samplers import Sampler

__all__ = ["XDPhotoZ"]

MOST_COMPONENTS = 100
LEAST_OBJECTS = 0.8
MOST_MIXTURES = 50
"""Draws of a posterior that densities are averaged over, if it has more."""


@dataclass(eq=False, repr=False)
class XDPhotoZ(Model):
    r"""The joint density of magnitudes and redshift, a mixture of Gaussians behind the errors.

    The story. A galaxy comes from one of K clouds in magnitudes m and log redshift; its magnitudes
    are measured with errors, its redshift, in the training set, without:

    .. code-block:: text

        weight ~ Dirichlet,  mean_k ~ Normal,  covariance_k ~ InverseWishart
        (m_i, log(1 + z_i)) ~ sum_k weight_k N(mean_k, covariance_k)
        x_i ~ N(m_i, diag(kappa_b^2 sigma_ib^2) + tau^2 1 1')
        kappa_b ~ LogNormal(0, 0.5),    tau ~ HalfNormal(0.05 mag)

    x are asinh magnitudes (`bayes_astro.photoz.features`). Given the mixture, p(z | x_i) of an object
    is a mixture of Gaussians in log(1 + z), and the evidence p(x_i) says whether there were such
    objects in the training set (`bayes_astro.likelihoods.conditional_mixture`). A band that was not
    measured is integrated out, which is to leave its row out. Published errors are not always what
    the scatter is: kappa and tau are inferred (`bayes_astro.photoz.error_scale`).

    Objects with known redshift train; others, and those without any flux, are left aside.

    Parameters
    ----------
    n_components : int or "auto"
        K, beside a broad background for measurements that are wrong. "auto": one for each 100
        objects, at most 100; below 1000 objects one for each 20, at most 10.
    n_fits : int
        Mixtures from different starts that `ba.MAP` fits; their densities are averaged.
    transform : {"asinh", "log"}
        Magnitudes that fluxes become; "log" needs positive fluxes.
    error_scale : {"infer", "published"}, float or dict of str to float
        kappa of all bands, or of each.
    common_error : float, optional
        tau in magnitudes. Default: inferred together with `error_scale`, otherwise 0.
    bootstrap : bool
        Weigh the training set anew for each fit (Rubin 1981), so that the fits differ by what a
        finite training set leaves open: for `PopulationNz`, and with more fits, say 20.
    priors : dict of str to Prior, optional
        ``weight``: Dirichlet(alpha=2); ``mean``: Normal about the mean of the sample with three
        times its width; ``covariance``: InverseWishart(nu=m + 3, scale=S / 100) of the sample's
        covariance S; ``error_scale``: LogNormal(mu=0, sigma=0.5); ``common_error``:
        HalfNormal(sigma=0.05).

    Notes
    -----
    Variables: ``weight``, ``mean``, ``covariance`` by component and dimension (the bands and
    log(1+z)), ``error_scale`` and ``softening`` by band, ``common_error``. The fits of an ensemble
    are draws, which say nothing of their uncertainty unless `bootstrap` is set.

    Densities reach down to z = -0.01, as redshifts of the nearest galaxies do: a grid that begins at
    zero cuts off what is below.

    References
    ----------
    Bovy, Hogg & Roweis 2011, Ann. Appl. Stat. 5, 1657; Bovy et al. 2012, ApJ 749, 41.

    Examples
    --------
    >>> import bayes_astro as ba
    >>> galaxies = ba.load("sdss-galaxies")
    >>> model = ba.XDPhotoZ().fit(galaxies[:5000], seed=1)  # doctest: +SKIP
    >>> model.summary(galaxies[5000:])  # doctest: +SKIP
    """

    n_components: int | str = "auto"
    n_fits: int = 4
    transform: str = "asinh"
    error_scale: Any = "infer"
    common_error: float | None = None
    bootstrap: bool = False
    priors: dict[str, Prior] | None = None

    data_type: ClassVar[type] = Photometry
    figures: ClassVar[str] = "photoz"
    references: ClassVar[tuple[str, ...]] = ("bovy2011", "bovy2012")
    samplers: ClassVar[tuple[str, ...]] = ("MAP", "Laplace", "NUTS", "Emcee")
    working: ClassVar[tuple[str, ...]] = ("share", "free_mean", "log_cholesky")

    # Checks -------------------------------------------------------------------------------------

    def check_parameters(self) -> None:
        """Raise ValueError for a parameter that cannot be."""
        counts: dict[str, Any] = {"n_components": self.n_components, "n_fits": self.n_fits}
        for name, given in counts.items():
            whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
            if not (whole and given >= 1) and not (name == "n_components" and given == "auto"):
                or_auto = ", or 'auto'" if name == "n_components" else ""
                raise ValueError(f"{name}={given!r} must be a whole number of at least 1{or_auto}.")
        if self.transform not in ("asinh", "log"):
            raise ValueError(f"transform={self.transform!r} must be 'asinh' or 'log'.")
        scale = self.error_scale
        if scale not in ("infer", "published"):
            values = list(scale.values()) if isinstance(scale, dict) else [scale]
            if not all(_positive(value) for value in values):
                raise ValueError(
                    f"error_scale={scale!r} must be 'infer', 'published', a positive number, or "
                    "such a number for each band."
                )
        tau = self.common_error
        if tau is not None and tau != 0 and not _positive(tau):
            raise ValueError(f"common_error={tau!r} must be a number >= 0 in magnitudes, or None.")

    def check_data(self, data: Photometry) -> None:
        """Raise ValueError for a training set that leaves the density undetermined."""
        if data.redshift is None or np.isnan(data.redshift).all():
            raise ValueError(
                "redshift: none is known; XDPhotoZ learns from objects with redshifts."
            )
        rows = training.with_redshift(data)
        wanted = 1 if self.n_components == "auto" else int(self.n_components)
        least = max(wanted, 2 * len(data.bands) + 2)
        if len(rows) < least:
            raise ValueError(
                f"{len(rows)} objects with redshift and flux are too few for {wanted} components in "
                f"{len(data.bands)} bands (at least {least}): use fewer components, or bands."
            )
        if np.ptp(np.asarray(rows.redshift)) == 0:
            raise ValueError("redshift: all are the same, which leaves nothing to learn.")
        for j, band in enumerate(data.bands):
            if rows.missing[:, j].all():
                raise ValueError(
                    f"band {band!r} is missing in every object with a redshift: leave it out with "
                    "photometry.select(...)."
                )
        if isinstance(self.error_scale, dict) and set(self.error_scale) != set(data.bands):
            raise ValueError(
                f"error_scale is given for {', '.join(self.error_scale)}; the bands are "
                f"{', '.join(data.bands)}."
            )

    def observed(self, data: Photometry) -> np.ndarray:
        """The spectroscopic redshifts."""
        return np.full(len(data), np.nan) if data.redshift is None else data.redshift

    # Choices from the data ----------------------------------------------------------------------

    @property
    def components(self) -> int:
        """K: the given one, or the one that the fit has chosen."""
        if self.n_components != "auto":
            return int(self.n_components)
        return int(self.posterior["posterior"].sizes["component"]) - 1

    def default_priors(self, data: Photometry) -> dict[str, Prior]:
        """Of the width of the sample."""
        measured = training.joint(training.with_redshift(data), self.transform)
        return training.default_priors(measured) | {
            "error_scale": Prior("LogNormal", mu=0.0, sigma=0.5),
            "common_error": Prior("HalfNormal", sigma=0.05),
        }

    def check_priors(self, priors: dict[str, Prior], data: Photometry) -> None:
        """Conjugate families of the mixture's parameters."""
        wanted = {"weight": "Dirichlet", "mean": "Normal", "covariance": "InverseWishart"}
        for name, family in wanted.items():
            if priors[name].distribution != family:
                raise ValueError(
                    f"Prior of {name!r}: {priors[name].distribution} is not possible here; use "
                    f"{family}."
                )

    def settled(
        self, data: Photometry, seed: int, progress: bool
    ) -> tuple[Model, dict[str, xr.Dataset]]:
        """With the number of components and the scale of the errors."""
        from sklearn.base import clone

        rows = training.with_redshift(data)
        chosen: dict[str, Any] = {"n_components": self.n_components}
        if self.n_components == "auto":
            chosen["n_components"] = automatic_components(len(rows))
        groups: dict[str, xr.Dataset] = {}
        tau = self.common_error
        if isinstance(self.error_scale, str) and self.error_scale == "infer":
            kappa, tau, groups["error_scale"] = error_scale.infer(
                rows, self.transform, int(chosen["n_components"]), int(self.n_fits),
                self.resolve_priors(data), tau, seed, progress,
            )  # fmt: skip
            chosen["error_scale"] = dict(zip(data.bands, kappa.tolist(), strict=True))
        chosen["common_error"] = 0.0 if tau is None else float(tau)
        return clone(self).set_params(**chosen), groups

    def scales(self, bands: tuple[str, ...]) -> np.ndarray:
        """kappa of each band."""
        if isinstance(self.error_scale, dict):
            return np.array([float(self.error_scale[band]) for band in bands])
        return np.full(len(bands), 1.0 if isinstance(self.error_scale, str) else self.error_scale)

    def default_sampler(self, data: Photometry) -> tuple[Sampler, str]:
        """Maxima as good as predictions need: to a thousandth of a nat for each object."""
        from bayes_astro.samplers import MAP

        tolerance = max(0.05, 1e-3 * len(data))
        return MAP(restarts=2, tolerance=tolerance, max_steps=1000, moves=0), ""

    # Fitting ------------------------------------------------------------------------------------

    def _joint(self, data: Photometry, soft: np.ndarray | None = None) -> Measurements:
        """Magnitudes and log(1+z) of the objects that train, with their errors."""
        rows, tau = training.with_redshift(data), self.common_error or 0.0
        return training.joint(rows, self.transform, self.scales(data.bands), tau, soft)

    def frame(self, data: Photometry, priors: dict[str, Prior]) -> tuple[np.ndarray, np.ndarray]:
        """Shift and scale of the kernel's coordinates."""
        return inputs.scaled_frame(self._joint(data))

    def problem(
        self, data: Photometry, priors: dict[str, Prior], threads: int = 1, weight: Any = None
    ) -> Problem:
        """Points, free parameters and prior in the kernel's coordinates."""
        measured = self._joint(data)
        if weight is not None:
            measured = measured.replace(weight=weight(len(measured)))
        return training.problem(measured, self.components, priors, threads)[0]

    def _constants(self, data: Photometry) -> dict[str, tuple[np.ndarray, str | None]]:
        """What belongs to the posterior's variables and was settled before: value, dimension."""
        return {
            "error_scale": (self.scales(data.bands), "band"),
            "softening": (softening(training.with_redshift(data)), "band"),
            "common_error": (np.array(self.common_error or 0.0), None),
        }

    def _labels(self) -> list[str]:
        return [*(str(k) for k in range(self.components)), "background"]

    def arrays(self, data: Photometry, priors: dict[str, Prior]) -> dict[str, np.ndarray]:
        """What `build` holds in ``pm.Data``."""
        return story.table(self.problem(data, priors).points)

    def build(self, data: Photometry, priors: dict[str, Prior] | None = None) -> pm.Model:
        """The joint density of magnitudes and log(1+z), for given scales of the errors."""
        priors = self.resolve_priors(data) if priors is None else priors
        names = (*data.bands, training.REDSHIFT)
        return story.mixture_model(
            self.problem(data, priors), *self.frame(data, priors), self._labels(), names,
            self._constants(data), data.bands,
        )  # fmt: skip

    def starts(
        self, data: Photometry, priors: dict[str, Prior], count: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draws from the Gaussian about the maximum."""
        return objects.starts(self.problem(data, priors), count, rng)

    def derived(self, draws: xr.Dataset, priors: dict[str, Prior]) -> xr.Dataset:
        """Adds the moments of the whole, which do not depend on labels."""
        mixture = Mixture.of(draws)
        shape = (draws.sizes["chain"], draws.sizes["draw"])
        moments = {
            "total_mean": (mixture.total_mean(), ("dimension",)),
            "total_covariance": (mixture.total_covariance(), ("dimension", "dimension_2")),
        }
        return draws.assign(
            {
                name: (("chain", "draw", *dims), value.reshape(*shape, *value.shape[1:]))
                for name, (value, dims) in moments.items()
            }
        )

    def judged(self) -> tuple[str, ...]:
        """What does not depend on labels."""
        return ("total_mean", "total_covariance")

    def maximum(
        self,
        data: Photometry,
        priors: dict[str, Prior],
        search: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """The best maximum of each fit of the ensemble."""
        weight = (
            (lambda n: np.maximum(rng.dirichlet(np.ones(n)) * n, 1e-9)) if self.bootstrap else None
        )
        found, worst, (shift, scale) = [], None, self.frame(data, priors)
        for _ in range(self.n_fits):
            problem = self.problem(data, priors, search.workers, weight)
            run, statistics = objects.search(problem, search, rng, progress)
            found.append(run.parameters)
            if worst is None or statistics.attrs["gain_to_come"] > worst.attrs["gain_to_come"]:
                worst = statistics
            if statistics.attrs["interrupted"]:
                break
        arrays = training.unscaled(found, shift, scale)
        return {"posterior": self._draws(arrays, data), "sample_stats": worst}

    def laplace(
        self,
        data: Photometry,
        priors: dict[str, Prior],
        settings: Any,
        rng: np.random.Generator,
        progress: bool,
    ) -> dict[str, xr.Dataset]:
        """Draws from the Gaussian about one maximum."""
        problem = self.problem(data, priors, settings.search.workers)
        shift, scale = self.frame(data, priors)
        run, statistics = objects.search(problem, settings.search, rng, progress)
        stacked, efficiency = objects.laplace(problem, run, settings.draws, rng)
        statistics.attrs["importance_efficiency"] = efficiency
        stacked["mean"] = shift + scale * stacked["mean"]
        stacked["covariance"] = np.outer(scale, scale) * stacked["covariance"]
        return {"posterior": self._draws(stacked, data), "sample_stats": statistics}

    def _draws(self, arrays: dict[str, np.ndarray], data: Photometry) -> xr.Dataset:
        """Variables of the posterior along ``sample``."""
        import xarray as xr

        count = len(arrays["weight"])
        names = [*data.bands, training.REDSHIFT]
        lead = ("chain", "draw")
        variables = {
            "weight": ((*lead, "component"), arrays["weight"][None]),
            "mean": ((*lead, "component", "dimension"), arrays["mean"][None]),
            "covariance": (
                (*lead, "component", "dimension", "dimension_2"),
                arrays["covariance"][None],
            ),
        }
        for name, (value, dim) in self._constants(data).items():
            dims = lead if dim is None else (*lead, dim)
            variables[name] = (dims, np.broadcast_to(value, (1, count, *value.shape)).copy())
        coords = {
            "component": self._labels(),
            "dimension": names,
            "dimension_2": names,
            "band": list(data.bands),
        }
        found = self.derived(xr.Dataset(variables, coords), {})
        return found.isel(chain=0, drop=True).rename(draw="sample")

    def groups(self, tree: xr.DataTree, data: Photometry) -> dict[str, xr.Dataset]:
        """Group ``reference``: how evidences of objects from the model scatter."""
        import xarray as xr

        density = self._density(tree["posterior"].to_dataset(), data)
        quantiles = evidence.reference(density, data, np.random.default_rng(11))
        bands = np.arange(1, len(data.bands) + 1)
        coords = {"bands_measured": bands, "probability": evidence.PROBABILITIES}
        return {
            "reference": xr.Dataset(
                {"statistic": (("bands_measured", "probability"), quantiles)}, coords
            )
        }

    # From draws to results ----------------------------------------------------------------------

    def _density(self, draws: xr.Dataset, fitted: Photometry) -> RedshiftDensity:
        """The mixtures of a posterior, or `MOST_MIXTURES` of them, evenly spaced."""
        count = draws.sizes["chain"] * draws.sizes["draw"]
        rows = np.linspace(0, count - 1, min(count, MOST_MIXTURES)).round().astype(int)
        return RedshiftDensity.of(draws, fitted, self.transform, rows)

    def density(self) -> RedshiftDensity:
        """The fitted density as a value, for work on many objects."""
        return self._density(self.posterior["posterior"].to_dataset(), self.data)

    def pdf(self, photometry: Photometry, z: Any) -> xr.DataArray:
        """p(z) of every object on a grid.

        Parameters
        ----------
        photometry : Photometry
            Bands are matched by name; one that is not there counts as missing.
        z : array_like, shape (g,)
            Increasing redshifts.

        Returns
        -------
        xarray.DataArray
            (row, z), per unit of redshift.
        """
        import xarray as xr

        z = checked_grid(z)
        values = self.density().on_grid(self._photometry(photometry), z)
        return xr.DataArray(values, {"z": z}, ("row", "z"), name="density")

    def summary(self, photometry: Photometry | None = None, *, components: int = 5) -> pd.DataFrame:
        """One row an object; without photometry, the parameters as for any model.

        Parameters
        ----------
        photometry : Photometry, optional
        components : int
            Of each object's mixture, the largest, to keep: 12 bytes each.

        Returns
        -------
        pandas.DataFrame
            ``mode``, ``mean``, ``median`` of z, central intervals ``low_68``, ``high_68``,
            ``low_95``, ``high_95``; ``bands`` measured; ``log_evidence``, log p(x), and its
            ``tail_probability``: how often an object like those of the training set has a smaller
            one; ``flag``: "unusual" where that is below 0.001, "no photometry" (then the redshifts
            are those of the training set), or ""; ``weight_1``, ``centre_1``, ``width_1``, ... of
            the largest components in log(1 + z), as float32.
        """
        import pandas as pd

        if photometry is None:
            return super().summary()
        photometry = self._photometry(photometry)
        out, top = self.density().summaries(photometry, components)
        bands = (~photometry.missing).sum(axis=1)
        quantiles = self.posterior["reference"]["statistic"].values
        tail = evidence.tail_probability(out[:, 2] - out[:, 3], bands, quantiles)
        flag = np.where(tail < evidence.UNUSUAL, "unusual", "")
        columns: dict[str, np.ndarray] = {"mode": out[:, 0], "mean": out[:, 1]}
        names = ("low_95", "low_68", "median", "high_68", "high_95")
        columns |= {name: out[:, 4 + names.index(name)] for name in sorted(names, key=_order)}
        columns |= {
            "bands": bands,
            "log_evidence": out[:, 2],
            "tail_probability": tail,
            "flag": np.where(bands == 0, "no photometry", flag),
        }
        for j in range(components):
            for i, name in enumerate(("weight", "centre", "width")):
                columns[f"{name}_{j + 1}"] = top[:, j, i]
        return pd.DataFrame(columns)

    def binned(self, photometry: Photometry, edges: Any) -> BinnedRedshifts:
        """Probabilities of redshift bins by every fit, for `ba.PopulationNz`.

        The interim prior is what each fit says of an object without photometry: the distribution of
        redshifts in the training set.
        """
        edges = checked_grid(edges, "edges")
        density = self.density()
        nothing = Photometry(
            np.full((1, len(density.bands)), np.nan), np.ones((1, len(density.bands))),
            density.bands, unit=density.unit,
        )  # fmt: skip
        prior = density.in_bins(nothing, edges)[:, 0]
        probability = density.in_bins(self._photometry(photometry), edges)
        check_inside(probability.sum(axis=2).mean(axis=0), edges)
        # No bin is impossible: a millionth of the whole lies evenly over all.
        floor = 1e-6 / prior.shape[1]
        return BinnedRedshifts(probability + floor, edges, prior + floor, name=photometry.name)

    def predict(
        self, at: Any = None, *, draws: int | None = None, seed: int | None = None
    ) -> xr.Dataset:
        """Draws of the redshift of every object.

        Parameters
        ----------
        at : Photometry, optional
            None stands for the fitted objects.
        draws : int, optional
            For each object, from the fits in turn; default 100.
        seed : int, optional
            None stands for the seed of the fit.

        Returns
        -------
        xarray.Dataset
            ``signal`` and ``observation`` (the same: a spectrum tells the redshift), dims (chain,
            draw, row).
        """
        if draws is not None and int(draws) < 1:
            raise ValueError(f"draws={draws} must be at least 1.")
        import xarray as xr

        fitted = self.data
        photometry = self._photometry(fitted if at is None else at)
        posterior = self.posterior["posterior"].to_dataset()
        fits = posterior.sizes["chain"] * posterior.sizes["draw"]
        count = 100 if draws is None else int(draws)
        rows = np.linspace(0, fits - 1, min(count, fits)).round().astype(int)
        which = np.sort(np.resize(np.arange(len(rows)), count))
        density = RedshiftDensity.of(posterior, fitted, self.transform, rows)
        seed = self.record["seed"] if seed is None else seed
        rng = np.random.default_rng([int(seed), 1])
        values = density.draws(photometry, which, int(rng.integers(2**31)))
        entry = (("chain", "draw", "row"), values[None])
        return xr.Dataset({"signal": entry, "observation": entry})

    def forecast(
        self, draws: xr.Dataset, data: Photometry, at: Any, rng: np.random.Generator
    ) -> xr.Dataset:
        """One redshift of every object for each draw, by the mixture of the draw."""
        import xarray as xr

        at = self._photometry(at)
        weight = draws["weight"].transpose("chain", "draw", "component").values
        flat = weight.reshape(-1, weight.shape[-1])
        _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
        density = RedshiftDensity.of(draws, data, self.transform, first)
        values = density.draws(at, which.ravel(), int(rng.integers(2**31)))
        entry = (("chain", "draw", "row"), values.reshape(*weight.shape[:2], len(at)))
        return xr.Dataset({"signal": entry, "observation": entry})

    def prior_draws(
        self, design: Photometry, priors: dict[str, Prior], draws: int, rng: np.random.Generator
    ) -> xr.Dataset:
        """Draws of all variables from the prior, for the scales of the errors that are set."""
        problem, (shift, scale) = self.problem(design, priors), self.frame(design, priors)
        stacked = selection.prior_sample(problem.layout, priors, draws, rng, shift, scale)
        stacked["mean"] = shift + scale * stacked["mean"]
        stacked["covariance"] = np.outer(scale, scale) * stacked["covariance"]
        found = self._draws(stacked, design)
        return found.expand_dims("chain").rename(sample="draw")

    def simulate_data(
        self, parameters: xr.Dataset, design: Photometry, rng: np.random.Generator
    ) -> Photometry:
        """New galaxies with the flux errors and gaps of `design`, redshifts where it has them.

        True magnitudes, shifted by the common error, become fluxes, which scatter by kappa times
        their errors.
        """
        draws = parameters.expand_dims(["chain", "draw"])
        density = RedshiftDensity.of(draws, design, self.transform)
        magnitude, z = density.simulate(len(design), rng)
        # A common error is in the density's covariances already.
        flux = fluxes(magnitude, density.softening, self.transform)
        flux = flux + density.error_scale * design.error * rng.standard_normal(flux.shape)
        redshift = (
            None if design.redshift is None else np.where(np.isnan(design.redshift), np.nan, z)
        )
        return design.replace(flux=np.where(design.missing, np.nan, flux), redshift=redshift)

    def pointwise(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log joint density of magnitudes and log(1+z): (chain, draw, row).

        0 for objects that do not train, without redshift or without flux.
        """
        import xarray as xr

        data = self._photometry(data)
        soft = draws["softening"].transpose("chain", "draw", "band").values[0, 0]
        measured = self._joint(data, soft)
        known = training.trains(data)
        frame = inputs.scaled_frame(measured)
        values = np.zeros((draws.sizes["chain"] * draws.sizes["draw"], len(data)))
        values[:, known] = objects.measured_log_density(
            draws, inputs.blocks(measured, *frame, None), *frame
        )
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def log_predictive(self, draws: xr.Dataset, data: Photometry) -> xr.DataArray:
        """Log density of every redshift given the photometry: (chain, draw, row)."""
        import xarray as xr

        data = self._photometry(data)
        z = self.observed(data)
        if np.isnan(z).any():
            row = int(np.argmax(np.isnan(z)))
            raise ValueError(
                f"redshift: row {row} is unknown, which cannot be scored; use "
                "data[~numpy.isnan(data.redshift)]."
            )
        fitted = self.data if self._tree is not None else data
        density = RedshiftDensity.of(draws, fitted, self.transform)
        values, _ = density.at(data, z)
        shape = (draws.sizes["chain"], draws.sizes["draw"], len(data))
        return xr.DataArray(values.reshape(shape), dims=("chain", "draw", "row"))

    def log_density_at(self, photometry: Photometry) -> np.ndarray:
        """Log density of the known redshift of every object, averaged over the fits: (row,)."""
        values, _ = self.density().at(self._photometry(photometry), self.observed(photometry))
        return np.logaddexp.reduce(values, axis=0) - np.log(len(values))

    def scores(self, test: Photometry) -> dict[str, float]:
        """Those of photometric redshifts."""
        return redshift_scores(self, test)

    def pit(self, photometry: Photometry) -> np.ndarray:
        """Probability below the known redshift of every object, uniform if p(z) is calibrated."""
        _, below = self.density().at(self._photometry(photometry), self.observed(photometry))
        return below.mean(axis=0)

    def _photometry(self, at: Any) -> Photometry:
        if not isinstance(at, Photometry):
            raise ValueError(f"expected a Photometry, got {type(at).__name__}.")
        return at

    def checks(self) -> list[Check]:
        """Whether there are objects enough for a maximum to stand for what is not known."""
        from bayes_astro.diagnostics import Check

        if self.record["sampler"]["name"] != "MAP" or self.bootstrap:
            return []
        d = len(self.data.bands) + 1
        objects_known = int(training.trains(self.data).sum())
        each = objects_known / ((self.components + 1) * (1 + d + d * (d + 1) / 2))
        return [
            Check(
                "objects for each parameter of the mixture",
                bool(each >= LEAST_OBJECTS and objects_known >= 100),
                each,
                "densities are too narrow where so few objects train: use ba.Laplace(), "
                "bootstrap=True with n_fits=20, or fewer components",
                f"at least {LEAST_OBJECTS:g}, and 100 objects",
            )
        ]

    def baseline(self) -> Any:
        """A random forest with the densities of its leaves."""
        from bayes_astro.baselines.photoz import RandomForest

        return RandomForest()

    def equation(self) -> str:
        """The model in one line."""
        return (
            "(magnitudes_i, log(1+z_i)) ~ Σ_k weight_k N(mean_k, covariance_k + S_i), "
            "S_i = diag(κ_b² σ_ib²) + τ² 11'; p(z | magnitudes) by conditioning"
        )


def automatic_components(n: int) -> int:
    """The default K for n objects."""
    return max(1, n // 20 if n < 200 else max(10, min(MOST_COMPONENTS, n // 100)))


def _positive(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(0 < value < np.inf)


def _order(name: str) -> int:
    return ("median", "low_68", "high_68", "low_95", "high_95").index(name)


def checked_grid(z: Any, name: str = "z") -> np.ndarray:
    """Increasing redshifts above -1."""
    z = np.asarray(z, dtype=float)
    if z.ndim != 1 or not len(z) or not np.isfinite(z).all() or (np.diff(z) <= 0).any():
        raise ValueError(f"{name}: give a 1-d array of increasing redshifts.")
    if z[0] <= -1:
        raise ValueError(f"{name}: redshifts are above -1, the grid begins at {z[0]:g}.")
    return z
