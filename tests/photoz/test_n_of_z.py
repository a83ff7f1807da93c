"""PopulationNz: its density, recovery, calibration against stacking, uncertainty of the photo-z."""

import numpy as np
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from samples import galaxies
from scipy.stats import multivariate_normal, norm

import bayes_astro as ba
from bayes_astro.baselines import Stacking
from bayes_astro.likelihoods import bin_fractions as population
from bayes_astro.likelihoods import matern_differences

EDGES = np.linspace(0, 1.5, 13)
MIDDLE = 0.5 * (EDGES[1:] + EDGES[:-1])
QUICK = ba.NUTS(draws=250, tune=250, chains=2, target_accept=0.9)

PLAIN = Mode(linker="py", optimizer="fast_compile")


def toy(n=1500, width=0.1, seed=0):
    """True redshifts in bins, and exact likelihoods of a Gaussian measurement of each."""
    rng = np.random.default_rng(seed)
    fraction = np.exp(-0.5 * ((MIDDLE - 0.6) / 0.22) ** 2) + 0.4 * np.exp(
        -0.5 * ((MIDDLE - 1.1) / 0.1) ** 2
    )
    fraction /= fraction.sum()
    which = rng.choice(len(MIDDLE), n, p=fraction)
    x = MIDDLE[which] + width * rng.normal(size=n)
    likelihood = norm.pdf(x[:, None], MIDDLE, width)
    return fraction, which, ba.BinnedRedshifts(likelihood, EDGES, np.ones(len(MIDDLE)))


@pytest.fixture(scope="module")
def fitted():
    fraction, _, data = toy()
    return fraction, ba.PopulationNz().fit(data, QUICK, seed=1, progress=False)


def test_kernel_against_numpy_and_differences():
    rng = np.random.default_rng(0)
    fraction, ratio = rng.dirichlet(np.ones(9)), rng.uniform(size=(501, 9)) ** 8
    value, gradient = population.value_and_gradient(fraction, ratio)
    assert value == pytest.approx(np.log(ratio @ fraction).sum(), rel=1e-12)
    for j in range(9):
        step = np.zeros(9)
        step[j] = 1e-6
        up, down = (population.value_and_gradient(fraction + s * step, ratio)[0] for s in (1, -1))
        assert gradient[j] == pytest.approx((up - down) / 2e-6, rel=1e-5)
    ratio[7] = 0.0
    assert population.value_and_gradient(fraction, ratio)[0] == -np.inf


def test_gradient_of_the_process_against_differences():
    rng = np.random.default_rng(1)
    x, at = rng.normal(size=11), [0.8, 0.3]
    _, to_x, *to_shape = matern_differences.value_and_gradient(x, *at, MIDDLE)
    for j in range(11):
        step = 1e-6 * (np.arange(11) == j)
        up, down = (
            matern_differences.value_and_gradient(x + s, *at, MIDDLE)[0] for s in (step, -step)
        )
        assert to_x[j] == pytest.approx((up - down) / 2e-6, rel=1e-5)
    for j in range(2):
        step = 1e-6 * (np.arange(2) == j)
        up, down = (
            matern_differences.value_and_gradient(x, *(at + s), MIDDLE)[0] for s in (step, -step)
        )
        assert to_shape[j] == pytest.approx((up - down) / 2e-6, rel=1e-5)
    assert matern_differences.value_and_gradient(x, -1.0, 0.3, MIDDLE)[0] == -np.inf


def test_an_object_counts_with_its_probabilities_over_the_interim_prior():
    """log sum_j n_j p_j / pi_j, by hand."""
    data = ba.BinnedRedshifts([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]], [0, 1, 2, 3], [0.5, 0.3, 0.2])
    draws = xr.Dataset({"fraction": (("chain", "draw", "bin"), [[[0.1, 0.3, 0.6]]])})
    found = ba.PopulationNz().pointwise(draws, data).values[0, 0]
    assert found == pytest.approx(
        [np.log(0.1 * 0.4 + 0.3 * 1.0 + 0.6 * 2.5), np.log(0.1 * 1.4 + 0.3 * 2 / 3 + 0.6 * 0.5)]
    )


def test_density_of_build_is_prior_times_likelihood():
    _, _, data = toy(50)
    for smoothness in ("random-walk", "gp", "independent"):
        model = ba.PopulationNz(smoothness=smoothness)
        priors = model.resolve_priors(data)
        problem = model.problem(data, priors)
        ratio, (mode, factor, _) = problem.ratio, problem.frame
        density = problem.graph().compile_logp(jacobian=False, mode=PLAIN)
        rng = np.random.default_rng(2)
        found = []
        for _ in range(3):
            unit, values = rng.normal(size=len(mode)), rng.uniform(0.2, 1.5, len(priors))
            phi = np.append(0, mode + factor @ unit)
            fraction = np.exp(phi) / np.exp(phi).sum()
            expected = np.log(ratio @ fraction).sum()
            if smoothness == "gp":
                difference = np.diff(np.eye(len(phi)), axis=0).cumsum(axis=0)  # from the first
                scaled = np.sqrt(3) * np.abs(MIDDLE[:, None] - MIDDLE) / values[1]
                process = values[0] ** 2 * (1 + scaled) * np.exp(-scaled)
                covariance = difference @ process @ difference.T
                expected += multivariate_normal.logpdf(phi[1:], cov=covariance)
            else:
                jump = np.diff(phi) if smoothness == "random-walk" else phi[1:]
                expected += norm.logpdf(jump, 0, values[0]).sum()
            point = {"unit": unit}
            for (name, prior), value in zip(priors.items(), values, strict=True):
                expected += prior.log_density(value)
                point[f"{name}_log__"] = np.log(value)
            found.append(density(point) - expected)
        assert np.ptp(found) < (3e-3 if smoothness == "gp" else 1e-8)  # the kernel's jitter


def test_recovery_where_stacking_is_biased(fitted):
    truth, model = fitted
    draws = model.posterior["posterior"]["fraction"].values.reshape(-1, len(truth))
    z = (draws.mean(axis=0) - truth) / draws.std(axis=0)
    assert np.abs(z).max() < 3.5 and np.abs(z).mean() < 1.5
    stacked = model.baseline().fit(model.data)
    table = stacked.summary()
    own = table.loc[[i for i in table.index if i.startswith("fraction")]]
    off = (own["mean"].to_numpy() - truth) / own["sd"].to_numpy()
    assert np.mean(off**2) > 4 * np.mean(z**2)  # in its own errors
    assert model.diagnose()["R-hat"].figure < 1.05


def test_a_process_recovers_too(fitted):
    truth, walk = fitted
    model = ba.PopulationNz(smoothness="gp").fit(walk.data, QUICK, seed=1, progress=False)
    draws = model.posterior["posterior"]["fraction"].values.reshape(-1, len(truth))
    z = (draws.mean(axis=0) - truth) / draws.std(axis=0)
    assert np.abs(z).max() < 3.5 and np.abs(z).mean() < 1.5
    assert model.diagnose()["R-hat"].figure < 1.05
    assert {"amplitude", "length"} <= set(model.posterior["posterior"])
    prior = model.prior_draws(
        walk.data, model.resolve_priors(walk.data), 4000, np.random.default_rng(0)
    )
    fraction = prior["fraction"].values[0]
    log_ratio = np.log(fraction[:, 0] / fraction[:, -1])
    assert abs(log_ratio.mean()) < 5 * log_ratio.std() / np.sqrt(4000)


def test_bins_are_merged(fitted):
    _, model = fitted
    short = ba.NUTS(draws=50, tune=50, chains=2)
    wide = ba.PopulationNz(EDGES[::2]).fit(model.data, short, seed=1, progress=False)
    assert np.array_equal(wide.data.edges, EDGES[::2])
    by_hand = ba.BinnedRedshifts(
        model.data.probability[0].reshape(-1, 6, 2).sum(axis=2), EDGES[::2], np.full(6, 1 / 6)
    )
    assert np.array_equal(wide.data.probability, by_hand.probability)
    assert np.array_equal(wide.data.interim_prior, by_hand.interim_prior)
    # What is compared, stacked, predicted and reweighted afterwards is merged, too.
    scores = ba.compare({"n": wide, "stacked": wide.baseline().fit(model.data)}, model.data)
    assert scores.columns.tolist() == ["log_score", "rows"] and np.isfinite(scores.to_numpy()).all()
    assert wide.predict(model.data)["signal"].sizes["row"] == len(model.data)
    assert len(wide.reweighted(model.data).middle) == 6
    with pytest.raises(ValueError, match=r"of 1500 objects more likely than not; give bins"):
        ba.PopulationNz(EDGES[:7]).fit(model.data)
    with pytest.raises(ValueError, match=r"0\.3 is no edge of the data's bins"):
        ba.PopulationNz([0.0, 0.3, 1.5]).fit(model.data)


def test_bins_of_densities_on_a_grid():
    z = np.linspace(0, 1.5, 301)
    centre = np.random.default_rng(0).uniform(0.2, 1.3, 50)
    density = norm.pdf(z, centre[:, None], 0.1)
    prior = 1.0 + z
    binned = ba.BinnedRedshifts.from_densities(density, EDGES, prior, z=z)
    exact = np.diff(norm.cdf(EDGES, centre[:, None], 0.1), axis=1)
    np.testing.assert_allclose(
        binned.probability[0], exact / exact.sum(axis=1, keepdims=True), atol=2e-4
    )
    np.testing.assert_allclose(binned.interim_prior[0], (1 + MIDDLE) / (1 + MIDDLE).sum())
    array = xr.DataArray(density, {"z": z}, ("row", "z"))
    again = ba.BinnedRedshifts.from_densities(array, EDGES, prior)
    assert np.array_equal(again.probability, binned.probability)
    with pytest.raises(ValueError, match="interim_prior: is needed"):
        ba.BinnedRedshifts.from_densities(density, EDGES, z=z)
    with pytest.raises(ValueError, match="of the probability is outside of 0 to 0.75"):
        ba.BinnedRedshifts.from_densities(density, EDGES[:7], prior, z=z)
    with pytest.raises(ValueError, match="z: is needed"):
        ba.BinnedRedshifts.from_densities(density, EDGES, prior)
    with pytest.raises(ValueError, match="give densities on a wider grid"):
        ba.BinnedRedshifts.from_densities(density, [0, 1, 2.0], prior, z=z)
    with pytest.raises(ValueError, match="have the shapes"):
        ba.BinnedRedshifts.from_densities(density, EDGES, prior[1:], z=z)


def test_the_interim_prior_is_divided_out(fitted):
    truth, model = fitted
    data = model.data
    tilted = np.linspace(3.0, 0.3, len(truth))
    biased = ba.BinnedRedshifts(data.probability[0] * tilted, EDGES, tilted)
    np.testing.assert_allclose(
        model.problem(biased, {}).ratio, model.problem(data, {}).ratio, rtol=1e-9
    )


def test_reweighted_objects_are_nearer_to_the_truth(fitted):
    _, model = fitted
    _, which, data = toy(seed=5)
    before = np.log(data.probability[0][np.arange(len(data)), which]).mean()
    after = model.reweighted(data)
    assert np.log(after.probability[0][np.arange(len(data)), which]).mean() > before + 0.05
    predicted = model.predict(data, draws=200)["signal"]
    expected = after.probability[0] @ MIDDLE
    assert np.abs(predicted.mean(("chain", "draw")).values - expected).max() < 0.12


def test_simulated_objects_follow_the_fractions():
    _, _, design = toy(4000, width=0.02)  # far narrower than a bin: every object tells its own
    simulated, truth = ba.PopulationNz().simulate(design, seed=3)
    fraction = truth["fraction"].values
    found = np.bincount(simulated.probability[0].argmax(axis=1), minlength=len(fraction)) / 4000
    assert np.abs(found - fraction).max() < 5 * np.sqrt(0.25 / 4000)
    assert len(simulated) == len(design) and np.array_equal(simulated.edges, design.edges)
    again, _ = ba.PopulationNz().simulate(design, seed=3)
    assert np.array_equal(again.probability, simulated.probability)


@pytest.mark.calibration
@pytest.mark.parametrize("smoothness", ["random-walk", "gp"])
def test_the_fractions_are_calibrated_at_100(smoothness):
    _, _, design = toy(1000)
    short = ba.NUTS(draws=300, tune=300, chains=2, target_accept=0.9)
    model = ba.PopulationNz(smoothness=smoothness)
    found = ba.calibrate(model, design, n=100, seed=1, sampler=short, progress=False)
    assert found, found
    table = found.table()
    bins = [name.startswith("fraction") for name in table.index]
    assert 0.93 <= table["coverage_95"][bins].mean() <= 0.97


@pytest.mark.slow
def test_intervals_of_simulated_populations_hold_the_truth():
    _, _, design = toy(1000)
    short = ba.NUTS(draws=200, tune=200, chains=2, target_accept=0.9)
    found = ba.calibrate(ba.PopulationNz(), design, n=20, seed=1, sampler=short, progress=False)
    table = found.table()
    assert found, table
    bins = [name.startswith("fraction") for name in table.index]
    assert 0.9 < table["coverage_95"][bins].mean() < 0.995  # 240 bins, neighbours correlated


def test_uncertainty_of_the_photoz_model_is_carried_on(tmp_path):
    train, target = galaxies(400, seed=1)[:396], galaxies(400, seed=2)[:396]
    photoz = ba.XDPhotoZ(4, n_fits=5, error_scale="published", bootstrap=True)
    binned = photoz.fit(train, seed=1, progress=False).binned(target, np.linspace(0, 1.4, 8))
    assert binned.draws == 5
    known, _ = np.histogram(train.redshift, binned.edges)
    np.testing.assert_allclose(binned.interim_prior.mean(axis=0), known / known.sum(), atol=0.05)
    short = ba.NUTS(draws=100, tune=150, chains=2, target_accept=0.9)
    whole = ba.PopulationNz().fit(binned, short, seed=1, progress=False)
    draws = whole.posterior["posterior"]["mean_redshift"]
    assert draws.sizes["draw"] == 100
    each = draws.values.reshape(2, 5, 20).mean(axis=(0, 2))  # of each fit of the photo-z model
    assert np.ptp(each) > 0.003
    # Convergence is judged within the fits, whose draws differ as the photo-z models do.
    assert whole.posterior["posterior"]["part"].values.tolist() == np.repeat(range(5), 20).tolist()
    table = whole.summary()
    assert table.loc["mean_redshift", "rhat"] < 1.3
    assert table.loc["mean_redshift", "ess_bulk"] > 50
    # Each draw of N(z) goes with the likelihoods that it was fitted to.
    density = whole.pointwise(whole.posterior["posterior"].to_dataset(), binned).values
    fraction = whole.posterior["posterior"]["fraction"].values
    expected = np.log(fraction[1, 45] @ binned.ratio[2].T)
    np.testing.assert_allclose(density[1, 45], expected)
    whole.save(tmp_path / "fit.nc")
    opened = ba.open(tmp_path / "fit.nc")
    assert np.array_equal(opened.predict()["signal"], whole.predict()["signal"])
    stacked = Stacking().fit(binned)
    stacked.save(tmp_path / "base.nc")
    assert ba.open(tmp_path / "base.nc").summary().equals(stacked.summary())
    assert len(whole.plot().axes) == 1 and len(stacked.plot().axes) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interim_prior": None}, "interim_prior: is needed"),
        ({"interim_prior": [1.0, 0.0]}, r"bin 1 is 0; it must be > 0"),
        ({"interim_prior": [1.0]}, r"expected \(2,\)"),
        ({"edges": [0.0, 2.0, 1.0]}, "must be finite and increase"),
        ({"edges": [0.0, 1.0]}, "have the shapes"),
        ({"probability": [[0.5, 0.5], [0.0, 0.0]]}, "row 1 is negative, not finite or zero"),
        ({"probability": [[0.5, -0.5], [0.0, 1.0]]}, "row 0 is negative"),
    ],
)
def test_bad_input(changes, message):
    given = {
        "probability": [[0.5, 0.5], [0.1, 0.9]],
        "edges": [0.0, 0.5, 1.0],
        "interim_prior": [1, 1],
    }
    with pytest.raises(ValueError, match=message):
        ba.BinnedRedshifts(**(given | changes))


def test_bad_parameters():
    with pytest.raises(ValueError, match="must be 'random-walk', 'gp' or 'independent'"):
        ba.PopulationNz(smoothness="spline").fit(toy(20)[2])
    with pytest.raises(ValueError, match="admits negative values"):
        prior = {"step": ba.Prior("Normal", mu=0, sigma=1)}
        ba.PopulationNz(priors=prior).fit(toy(20)[2])
