"""A model, data and a sampler for every task: with its defaults, and with every field changed.

`test_contract.py` runs all its tests for each row; a new task adds its own.
"""

from samples import (
    binned,
    burst,
    clusters,
    counted,
    curve,
    damping,
    few_spectra,
    galaxies,
    kinds,
    line,
    open_cluster,
    pairs,
    pulsating,
    sinusoid,
    walk,
    wandering,
)

import bayes_astro as ba

QUICK_NUTS = {"draws": 60, "tune": 60, "chains": 2}

TEMPLATES = {
    "filters": "sdss", "between": 0, "correction": None, "template_error": 0.05, "step": 0.02,
}  # fmt: skip

CASES = {
    "periodogram": (lambda: ba.Periodogram(), sinusoid, lambda: ba.Exact(draws=400)),
    "periodogram-all": (
        lambda: ba.Periodogram(
            n_terms=2,
            period=(2, 20),
            trend=2,
            jitter=True,
            priors={
                "frequency": ba.Prior("LogUniform", lower=0.06, upper=0.4),
                "jitter": ba.Prior("HalfNormal", sigma=0.3),
            },
        ),
        sinusoid,
        lambda: ba.Exact(draws=400),
    ),
    "periodogram-bands": (
        lambda: ba.Periodogram(n_terms=2, period=(0.3, 2), trend=1, spread=0.8),
        pulsating,
        lambda: ba.Exact(draws=400),
    ),
    "periodogram-instruments": (
        lambda: ba.Periodogram(n_terms=2, period=(0.3, 2), trend=1, jitter=True, amplitude=False),
        lambda: pulsating(common=True),
        lambda: ba.Exact(draws=400),
    ),
    "periodogram-signals": (
        lambda: ba.Periodogram(n_terms=(1, 2), period=(2, 20), n_signals=2, jitter=True),
        lambda: sinusoid(n=40),
        lambda: ba.Exact(draws=400),
    ),
    "periodogram-noise": (
        lambda: ba.Periodogram(
            n_terms=(1, 2),
            period=(2, 20),
            noise=("white", ba.kernels.DampedRandomWalk(tau=5.0)),
            search="coarse-to-fine",
        ),
        lambda: sinusoid(n=40),
        lambda: ba.Exact(draws=400),
    ),
    "process": (
        lambda: ba.GaussianProcess(ba.kernels.DampedRandomWalk()),
        walk,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "process-all": (
        lambda: ba.GaussianProcess(
            ba.kernels.SHO(quality=2.0)
            + ba.kernels.Matern32(sigma=ba.Prior("HalfNormal", sigma=1)),
            mean="linear",
            lag=(-5, 10),
            independent=ba.kernels.DampedRandomWalk(tau=5.0),
            redshift=1.0,
            amplitude=False,
            priors={
                "jitter": ba.Prior("HalfNormal", sigma=0.3),
                "offset": ba.Prior("Normal", mu=10, sigma=[5, 6]),
            },
        ),
        lambda: walk(60, bands="gr", lag=3.0, seed=1),
        lambda: ba.Laplace(draws=400, restarts=2),
    ),
    "structure-function": (
        lambda: ba.StructureFunction(),
        wandering,
        lambda: ba.Exact(draws=400),
    ),
    "structure-function-all": (
        lambda: ba.StructureFunction(
            "power-law", reference=10.0, priors={"gamma": ba.Prior("Beta", alpha=2, beta=2)}
        ),
        lambda: ba.StructureFunction.ensemble(
            [wandering(n=25, seed=k, name=f"q{k}") for k in range(3)]
        ),
        lambda: ba.Exact(draws=400),
    ),
    "line": (lambda: ba.LinearRelation("y"), line, lambda: ba.NUTS(**QUICK_NUTS)),
    "line-all": (
        lambda: ba.LinearRelation(
            "y",
            scatter=True,
            outliers=True,
            n_components=2,
            robust=True,
            pivot=2.0,
            selection=ba.Selection(lower=-9.0, width=1.0),
            priors={
                "slope": ba.Prior("StudentT", nu=4, mu=1, sigma=2),
                "response_mean": ba.Prior("Normal", mu=6.0, sigma=2.0),
                "outlier_fraction": ba.Prior("Beta", alpha=1, beta=5),
                "degrees_of_freedom": ba.Prior("Uniform", lower=4, upper=30),
            },
        ),
        lambda: line(outliers=4),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "relation": (
        lambda: ba.Relation(ba.relations.PowerLaw(pivot=2.0), "y"),
        curve,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "relation-all": (
        lambda: ba.Relation(
            ba.relations.Polynomial(2, pivot=2.5),
            "y",
            scatter=False,
            robust=True,
            marginalise=False,
            fixed={"coefficient_2": 0.4},
            priors={"coefficient_1": ba.Prior("StudentT", nu=4, mu=3.0, sigma=1.0)},
        ),
        curve,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "relation-correlated": (
        lambda: ba.Relation(ba.relations.PowerLaw(pivot=2.0), "y"),
        lambda: curve(correlated=True),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "relation-distances": (
        lambda: ba.Relation(
            ba.relations.DistanceModulus("flat-wcdm", omega_r=9e-5), "magnitude", scatter=False
        ),
        lambda: ba.load("pantheon-binned"),
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "mixture": (
        lambda: ba.ExtremeDeconvolution(2),
        clusters,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "mixture-all": (
        lambda: ba.ExtremeDeconvolution(
            2,
            fixed={"weight": [None, 0.5], "mean": [[-2.0, -2.0], None]},
            background="uniform",
            dimensions=("a", "b"),
            priors={
                "weight": ba.Prior("Dirichlet", alpha=2.0),
                "mean": ba.Prior("Normal", mu=[0.0, 0.0], sigma=3.0),
                "covariance": ba.Prior("InverseWishart", nu=5.0, scale=[[1.0, 0.1], [0.1, 2.0]]),
            },
        ),
        lambda: clusters(noise=0.8, seed=1),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "templates": (
        lambda: ba.TemplatePhotoZ(**TEMPLATES),
        lambda: ba.TemplatePhotoZ(**TEMPLATES).simulate(galaxies(99), seed=1)[0],
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "photoz": (
        lambda: ba.XDPhotoZ(1, n_fits=1, error_scale=0.8, common_error=0.02),
        lambda: galaxies(99, missing=6)[:98],
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "rates": (
        lambda: ba.PoissonRate(),
        lambda: counted(off=3.0, background=0.3),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "rates-all": (
        lambda: ba.PoissonRate(
            "log-normal",
            priors={
                "median_rate": ba.Prior("LogNormal", mu=-0.7, sigma=1.0),
                "scatter": ba.Prior("HalfNormal", sigma=0.8),
            },
        ),
        lambda: counted(background=2.0, exposure_unit="h"),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "rates-independent": (
        lambda: ba.PoissonRate("independent"),
        lambda: counted(names=[f"source {i}" for i in range(25)]),
        lambda: ba.Exact(draws=400),
    ),
    "blocks": (lambda: ba.BayesianBlocks(), burst, lambda: ba.Exact(draws=400)),
    "blocks-all": (
        lambda: ba.BayesianBlocks(
            priors={
                "expected_changes": ba.Prior("Gamma", alpha=2.0, beta=1.0),
                "level": ba.Prior("Normal", mu=10.0, sigma=0.5),
            }
        ),
        lambda: walk(n=60),
        lambda: ba.Exact(draws=400),
    ),
    "plane": (
        lambda: ba.LinearRelation("y"),
        lambda: line(names=("a", "b", "y"), n=50),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "plane-all": (
        lambda: ba.LinearRelation("y", scatter=False, features=("a*b",)),
        lambda: line(names=("a", "b", "y"), n=50, scatter=0.0).without_error("a", "b"),
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "process-bands": (
        lambda: ba.GaussianProcess(
            ba.kernels.Matern52(), mean="zero", jitter=False, outliers=True, derivative=True
        ),
        lambda: walk(40, bands="gr", lag=1.0, seed=2),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "classes": (
        lambda: ba.MixtureClassifier(),
        kinds,
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "classes-all": (
        lambda: ba.MixtureClassifier(
            {"a": 1, "b": 2},
            n_fits=5,
            bootstrap=False,
            background=0.01,
            brightness=True,
            transform="log",
            priors={"fraction": ba.Prior("Dirichlet", alpha=5.0)},
        ),
        lambda: kinds(flux=True),
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "spectra": (
        lambda: ba.SpectralFactors(),
        few_spectra,
        lambda: ba.Gibbs(draws=100, tune=50, chains=2),
    ),
    "spectra-all": (
        lambda: ba.SpectralFactors(
            2,
            noise="smooth floor",
            continuum=1,
            robust=True,
            priors={
                "scale": ba.Prior("HalfNormal", sigma=2.0),
                "degrees_of_freedom": ba.Prior("Gamma", alpha=3.0, beta=0.2),
            },
        ),
        few_spectra,
        lambda: ba.Gibbs(draws=100, tune=50, chains=2),
    ),
    "n-of-z": (lambda: ba.PopulationNz(), binned, lambda: ba.NUTS(**QUICK_NUTS)),
    "n-of-z-all": (
        lambda: ba.PopulationNz(
            bins=(0.0, 0.25, 0.5, 0.75, 1.0),
            smoothness="gp",
            priors={"amplitude": ba.Prior("HalfNormal", sigma=1.0)},
        ),
        binned,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "damping-relation": (lambda: ba.HierarchicalDRW(), damping, lambda: ba.NUTS(**QUICK_NUTS)),
    "damping-relation-all": (
        lambda: ba.HierarchicalDRW(
            pivot=7.5, priors={"slope": ba.Prior("Normal", mu=0.3, sigma=0.5)}
        ),
        damping,
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "two-point": (lambda: ba.TwoPointCorrelation(), pairs, lambda: ba.NUTS(**QUICK_NUTS)),
    "two-point-all": (
        lambda: ba.TwoPointCorrelation(
            smooth=False,
            offset=True,
            pivot=3.0,
            priors={
                "gamma": ba.Prior("LogNormal", mu=0.5, sigma=0.3),
                "offset": ba.Prior("HalfNormal", sigma=0.05),
            },
        ),
        lambda: pairs().replace(method="given", patches=0, by_patch=None),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "photoz-defaults": (
        lambda: ba.XDPhotoZ(),
        lambda: galaxies(149, missing=6)[:148],
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "photoz-all": (
        lambda: ba.XDPhotoZ(
            2,
            n_fits=2,
            transform="log",
            error_scale={"g": 0.8, "r": 0.9, "i": 1.0, "z": 1.1},
            common_error=0.03,
            bootstrap=True,
            priors={"weight": ba.Prior("Dirichlet", alpha=3.0)},
        ),
        lambda: galaxies(149, noise=0.2)[:148],
        lambda: ba.Laplace(draws=400, restarts=1),
    ),
    "templates-defaults": (
        lambda: ba.TemplatePhotoZ(),
        lambda: ba.TemplatePhotoZ(correction=None, template_error=0.05).simulate(
            galaxies(99), seed=1
        )[0],
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "templates-all": (
        lambda: ba.TemplatePhotoZ(
            ba.Templates.bundled("cww-sb"),
            filters="sdss",
            between=1,
            reference="r",
            correction="zero-points",
            template_error=0.03,
            outliers=0.05,
            z_max=2.0,
            step=0.02,
            igm=False,
            priors={"growth": ba.Prior("Normal", mu=0.0, sigma=0.1)},
        ),
        lambda: ba.TemplatePhotoZ(**TEMPLATES).simulate(galaxies(99), seed=1)[0],
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
    "cluster": (lambda: ba.ClusterMembership(), open_cluster, lambda: ba.NUTS(**QUICK_NUTS)),
    "cluster-all": (
        lambda: ba.ClusterMembership(
            columns=("parallax", "pmdec", "pmra"),
            guess={"pmra": -4.1, "pmdec": 3.1},
            region={"parallax": 0.25, "pmra": 0.4, "pmdec": 0.4},
            field=2,
            elongated=True,
            wings=True,
            priors={
                "fraction": ba.Prior("Beta", alpha=2, beta=5),
                "dispersion": ba.Prior("HalfNormal", sigma=[0.1, 0.3, 0.3]),
                "wing_scale": ba.Prior("Uniform", lower=2.0, upper=4.0),
            },
        ),
        lambda: open_cluster(n=140, seed=1, wings=15).select("parallax", "pmdec", "pmra"),
        lambda: ba.NUTS(**QUICK_NUTS),
    ),
}
