"""The relation of damping time and mass: recovery, a joint fit, published light curves."""

import numpy as np
import pandas as pd
import pytest
from pytensor.compile.mode import Mode
from samples import wandering
from scipy import stats

import bayes_astro as ba
from bayes_astro.likelihoods import damped_random_walk as drw
from bayes_astro.processes import drw_posterior
from bayes_astro.variability.damping_relation import interim_prior, interim_setup

TRUTH = {"intercept": 2.0, "slope": 0.4, "scatter": 0.15}
NUTS = ba.NUTS(draws=400, tune=400, chains=2, target_accept=0.95)

PLAIN = Mode(linker="py", optimizer="fast_compile")


def population(count=40, seed=1, n=80):
    """Light curves of objects about the relation, their masses with errors, their redshifts."""
    rng = np.random.default_rng(seed)
    mass = rng.normal(8.0, 0.7, count)
    log_tau = TRUTH["intercept"] + TRUTH["slope"] * (mass - 8) + rng.normal(0, 0.15, count)
    redshift = rng.uniform(0, 1, count)
    curves = [
        wandering(
            n=n,
            sigma=0.2,
            tau=10 ** log_tau[i] * (1 + redshift[i]),
            noise=0.02,
            span=4000.0,
            seed=int(rng.integers(2**31)),
            name=f"object {i}",
        )
        for i in range(count)
    ]
    error = rng.uniform(0.05, 0.3, count)
    return curves, mass + error * rng.standard_normal(count), error, redshift


def joint(data, curves, redshift, priors, sweeps, rng):
    """All damping times, amplitudes and population parameters together, by random walks.

    Nothing of the single fits but their starting points: the likelihood of the light curves with
    the population as the prior of tau. Returns draws of intercept, slope, scatter.
    """
    walks, setups = [], [interim_setup(curve, jitter=False) for curve in curves]
    for setup in setups:
        walks.append(drw.prepare(**{k: v for k, v in setup.items() if k != "priors"}))
    packed = drw.pack(walks)
    t = data.log_tau.mean(axis=1)
    centre = np.array([setup["priors"]["sigma"].arguments["mu"] for setup in setups])
    log_sigma = centre.copy()
    error = data.log_mass_error**2

    def relation(theta, t):
        if theta[2] <= 0 or theta[4] <= 0:
            return np.full(len(t), -np.inf)
        total = error + theta[4] ** 2
        mass = data.log_mass - (data.log_mass - theta[3]) * error / total
        sd = np.sqrt(theta[2] ** 2 + theta[1] ** 2 * error * theta[4] ** 2 / total)
        density = stats.norm.logpdf(t, theta[0] + theta[1] * (mass - 8), sd)
        return density + stats.norm.logpdf(data.log_mass, theta[3], np.sqrt(total))

    names = ["intercept", "slope", "scatter", "mass_mean", "mass_width"]
    frozen = [priors[name]._scipy() for name in names]

    def prior(theta):
        return sum(f.logpdf(x) for f, x in zip(frozen, theta, strict=True))

    def curve_density(t, log_sigma):
        tau = 10**t * (1 + redshift)
        value = drw.log_likelihoods(packed, np.exp(log_sigma)[:, None], tau[:, None], threads=1)
        return value[:, 0] - 0.5 * (log_sigma - centre) ** 2

    theta = np.array([2.0, 0.3, 0.2, data.log_mass.mean(), data.log_mass.std()])
    width = np.array([0.06, 0.08, 0.06, 0.12, 0.09])
    density, line = curve_density(t, log_sigma), relation(theta, t)
    kept = []
    for sweep in range(sweeps):
        # Along and across the ridge of constant sigma^2 / tau.
        step = rng.standard_normal(len(t)) * rng.choice([0.1, 0.4])
        new_t = t + step
        new_sigma = log_sigma + 0.5 * np.log(10) * step + 0.1 * rng.standard_normal(len(t))
        new, new_line = curve_density(new_t, new_sigma), relation(theta, new_t)
        take = np.log(rng.uniform(size=len(t))) < new + new_line - density - line
        t, log_sigma = np.where(take, new_t, t), np.where(take, new_sigma, log_sigma)
        density, line = np.where(take, new, density), np.where(take, new_line, line)
        for _ in range(3):
            moved = theta + width * rng.standard_normal(5) * rng.choice([0.3, 1.0])
            new_line = relation(moved, t)
            gain = new_line.sum() + prior(moved) - line.sum() - prior(theta)
            if np.log(rng.uniform()) < gain:
                theta, line = moved, new_line
        if sweep > sweeps // 5:
            kept.append(theta[:3].copy())
    return np.array(kept)


@pytest.mark.slow
def test_recovers_the_population_and_agrees_with_the_joint_posterior():
    curves, mass, error, redshift = population()
    data = ba.HierarchicalDRW.damping_times(curves, mass, error, redshift, jitter=False, seed=1)
    model = ba.HierarchicalDRW()
    priors = model.resolve_priors(data)
    model.fit(data, NUTS, seed=1, progress=False)
    table = model.summary()
    for name, truth in TRUTH.items():
        assert abs(table.loc[name, "mean"] - truth) < 3 * table.loc[name, "sd"], name
    draws = joint(data, curves, redshift, priors, 8000, np.random.default_rng(1))
    for i, name in enumerate(TRUTH):
        sd = table.loc[name, "sd"]
        assert abs(draws[:, i].mean() - table.loc[name, "mean"]) < 0.35 * sd, name
        assert 0.7 < draws[:, i].std() / sd < 1.4, name


def test_damping_times_are_at_rest_with_the_density_of_their_interim_prior():
    """log10 tau is Normal under it; the rest frame moves the mean, and the density stays."""
    curve = wandering(n=20, span=400.0)
    redshift = np.array([0.0, 1.5, 0.0, 0.3])
    data = ba.HierarchicalDRW.damping_times(
        [curve] * 4, np.full(4, 8.0), np.full(4, 0.1), redshift, draws=200, seed=3, threads=1
    )
    span, spacing = np.ptp(curve.time), np.median(np.diff(curve.time))
    mu, sigma = 0.5 * np.log10(10 * span * spacing), 0.25 * np.log10(10 * span / spacing)
    for tau, density, z in zip(data.log_tau, data.log_prior, redshift, strict=True):
        expected = stats.norm.logpdf(tau, mu - np.log10(1 + z), sigma)
        np.testing.assert_allclose(density, expected, rtol=1e-9)


def test_evidence_of_an_object_is_that_of_a_fit_under_the_population():
    """Reweighting one light curve's draws against a fit whose prior is the population's."""
    (curve,) = population(1)[0]
    narrow = ba.Prior("LogNormal", mu=np.log(200.0), sigma=0.4)
    setup = interim_setup(curve, jitter=True)
    wide = drw_posterior.posterior(**setup)
    direct = drw_posterior.posterior(**setup | {"priors": setup["priors"] | {"tau": narrow}})
    tau = wide.sample(20_000, np.random.default_rng(1))["tau"]
    weight = np.exp(narrow.log_density(tau) - interim_prior(curve).log_density(tau))
    found = wide.log_evidence + np.log(weight.mean())
    error = weight.std() / weight.mean() / np.sqrt(len(weight)) + 2 * wide.log_evidence_error
    assert found == pytest.approx(direct.log_evidence, abs=4 * error)


@pytest.mark.calibration
def test_calibrated():
    """The true relation among the posterior's quantiles, over 60 simulated populations.

    The masses' population is simulated as the model has it; the relation is fixed, so that what is
    tested is the coverage of the intervals.
    """
    pulls = []
    for seed in range(60):
        curves, mass, error, redshift = population(30, seed=100 + seed, n=60)
        data = ba.HierarchicalDRW.damping_times(
            curves, mass, error, redshift, jitter=False, draws=500, seed=seed
        )
        table = ba.HierarchicalDRW().fit(data, NUTS, seed=seed, progress=False).summary()
        pulls.append([(table.loc[n, "mean"] - TRUTH[n]) / table.loc[n, "sd"] for n in TRUTH])
    pulls = np.array(pulls)[:, :2]  # the scatter, near zero, has no symmetric posterior
    assert np.all(np.abs(pulls.mean(axis=0)) < 4 / np.sqrt(60))
    assert np.all((pulls.std(axis=0) > 0.7) & (pulls.std(axis=0) < 1.35))


@pytest.fixture(scope="module")
def burke(shared_data):
    """Light curves that Burke et al. (2021) call valid, and their table."""
    folder = shared_data / "b_agn_quasar_lightcurves"
    table = pd.read_csv(folder / "burke2021_agn_summary.csv")
    table = table[table["valid"]].reset_index(drop=True)
    points = pd.read_csv(folder / "burke2021_agn_lightcurves.csv.gz")
    curves = []
    for key in table["lc_id"]:
        own = points[points["lc_id"] == key].drop_duplicates(["t", "y", "yerr"])
        own = own[np.isfinite(own["y"]) & (own["yerr"] > 0)]
        curves.append(ba.LightCurve(own["t"], own["y"], own["yerr"], name=f"lc {key}"))
    return curves, table


def test_burke_2021_object_by_object(burke):
    """tau in the rest frame, and sigma, which their kernel 2 sigma^2 exp(-dt / tau) divides by √2."""
    curves, table = burke
    found = drw_posterior.fit_many(
        curves, lambda curve: interim_setup(curve, jitter=True), 4000, range(len(curves))
    )
    tau = np.array([draws["tau"] for _, draws in found]) / (1 + table["z"].to_numpy()[:, None])
    low, middle, high = np.log10(np.quantile(tau, [0.16, 0.5, 0.84], axis=1))
    theirs = np.log10(table["tau_rest"].to_numpy())
    above = np.log10(1 + (table["tau_e_rest_hi"] / table["tau_rest"]).to_numpy())
    below = -np.log10(1 - np.minimum(table["tau_e_rest_lo"] / table["tau_rest"], 0.99).to_numpy())
    pull = (middle - theirs) / np.hypot((high - low) / 2, (above + below) / 2)
    assert np.median(np.abs(pull)) < 0.4
    assert np.abs(pull).max() < 1.5
    for trend in (theirs, table["log_M_BH"]):
        assert stats.spearmanr(trend, pull).pvalue > 0.01
    sigma = np.array([draws["sigma"] for _, draws in found])
    theirs = np.sqrt(2) * table["sigma_drw"].to_numpy()
    error = np.sqrt(2) * table["sigma_drw_e_sym"].to_numpy()
    pull = (np.median(sigma, axis=1) - theirs) / np.hypot(sigma.std(axis=1), error)
    assert np.median(np.abs(pull)) < 0.4
    assert np.abs(pull).max() < 1.5


@pytest.mark.slow
def test_burke_2021_mass_relation(burke):
    """Slope 0.38 (+0.05 -0.04). Of these 35 light curves, their own tau give 147 d, not 107 d."""
    curves, table = burke
    data = ba.HierarchicalDRW.damping_times(
        curves, table["log_M_BH"], table["log_M_BH_e"], table["z"], seed=1
    )
    summary = ba.HierarchicalDRW().fit(data, NUTS, seed=1, progress=False).summary()
    assert abs(summary.loc["slope", "mean"] - 0.38) < 1.5 * summary.loc["slope", "sd"]
    line = np.polyfit(table["log_M_BH"] - 8, np.log10(table["tau_rest"]), 1)
    assert abs(summary.loc["intercept", "mean"] - line[1]) < 1.5 * summary.loc["intercept", "sd"]


def test_predictions_pointwise_and_the_objects():
    curves, mass, error, redshift = population(12, n=40)
    data = ba.HierarchicalDRW.damping_times(curves, mass, error, redshift, draws=200)
    model = ba.HierarchicalDRW().fit(data, ba.NUTS(100, 100, 2), seed=1, progress=False)
    draws = model.posterior["posterior"].to_dataset()
    found = model.predict([8.0, 9.0])["signal"]
    np.testing.assert_allclose(found.values[..., 0], draws["intercept"].values)
    np.testing.assert_allclose(found.values[..., 1] - found.values[..., 0], draws["slope"].values)
    assert model.posterior["objects"]["log_tau_mean"].dims == ("object",)
    density = model.build(data, model.resolve_priors(data)).compile_logp(jacobian=False, mode=PLAIN)
    one = draws.isel(chain=[0], draw=[0])
    priors = model.resolve_priors(data)
    values = {name: float(one[name].values[0, 0]) for name in priors}
    expected = float(model.pointwise(one, data).sum())
    expected += sum(float(prior.log_density(values[name])) for name, prior in priors.items())
    point = {
        name + ("_log__" if name in ("scatter", "mass_width") else ""): np.array(
            np.log(x) if name in ("scatter", "mass_width") else x
        )
        for name, x in values.items()
    }
    assert density(point) == pytest.approx(expected, rel=1e-9)
    for name in model.figure_names():
        assert model.plot(name)._repr_png_()[:4] == b"\x89PNG"


def test_bad_input_is_named():
    curves, mass, error, redshift = population(5, n=20)
    fits = ba.HierarchicalDRW.damping_times
    with pytest.raises(ValueError, match="redshift must hold one number"):
        fits(curves, mass, error, redshift[1:])
    flat = [*curves[:4], curves[4].replace(value=np.ones(20))]
    with pytest.raises(ValueError, match="'object 4'.*constant"):
        fits(flat, mass, error, redshift)
    with pytest.raises(ValueError, match="log_mass_error, row 2"):
        fits(curves, mass, np.where(np.arange(5) == 2, -1, error), redshift, draws=10)
    data = fits(curves, mass, error, redshift, draws=10)
    with pytest.raises(ValueError, match="'log_mass' is constant"):
        ba.HierarchicalDRW().fit(
            ba.DampingTimes(data.log_tau, data.log_prior, np.full(5, 8.0), error)
        )
    with pytest.raises(ValueError, match=r"shape \(n, k\)"):
        ba.DampingTimes(data.log_tau[0], data.log_prior, mass, error)
