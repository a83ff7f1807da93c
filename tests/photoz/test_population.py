"""PopulationNz: its density, recovery, calibration against stacking, uncertainty of the photo-z."""

import numpy as np
import pytest
from samples import galaxies
from scipy.stats import norm

import bayes_astro as ba
from bayes_astro.baselines import Stacking
from bayes_astro.likelihoods import population

EDGES = np.linspace(0, 1.5, 13)
MIDDLE = 0.5 * (EDGES[1:] + EDGES[:-1])
QUICK = ba.NUTS(draws=250, tune=250, chains=2, target_accept=0.9)


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


def test_density_of_build_is_prior_times_likelihood():
    _, _, data = toy(50)
    for smoothness in ("random-walk", "independent"):
        model = ba.PopulationNz(smoothness)
        priors = model.resolve_priors(data)
        ratio = model.arrays(data, priors)["ratio"]
        mode, factor, _ = model._gaussian(ratio)
        density = model.build(data, priors).compile_logp(jacobian=False)
        rng = np.random.default_rng(2)
        found = []
        for _ in range(3):
            unit, step = rng.normal(size=len(mode)), rng.uniform(0.2, 1.5)
            phi = np.append(0, mode + factor @ unit)
            fraction = np.exp(phi) / np.exp(phi).sum()
            jump = np.diff(phi) if smoothness == "random-walk" else phi[1:]
            expected = norm.logpdf(jump, 0, step).sum() + np.log(ratio @ fraction).sum()
            expected += priors["step"].log_density(step)
            point = {"step_log__": np.log(step), "unit": unit}
            found.append(density(point) - expected)
        assert np.ptp(found) < 1e-8


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


def test_the_interim_prior_is_divided_out(fitted):
    truth, model = fitted
    data = model.data
    tilted = np.linspace(3.0, 0.3, len(truth))
    biased = ba.BinnedRedshifts(data.probability[0] * tilted, EDGES, tilted)
    np.testing.assert_allclose(
        model.arrays(biased, {})["ratio"], model.arrays(data, {})["ratio"], rtol=1e-9
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


@pytest.mark.slow
def test_intervals_of_simulated_populations_hold_the_truth():
    _, _, design = toy(1000)
    short = ba.NUTS(draws=300, tune=300, chains=2, target_accept=0.9)
    inside = []
    for seed in range(12):
        data, truth = ba.PopulationNz().simulate(design, seed=seed)
        model = ba.PopulationNz().fit(data, short, seed=1, progress=False)
        draws = model.posterior["posterior"]["fraction"].values.reshape(-1, len(MIDDLE))
        low, high = np.quantile(draws, [0.025, 0.975], axis=0)
        inside.append((truth["fraction"].values >= low) & (truth["fraction"].values <= high))
    assert 0.89 < np.mean(inside) < 0.995  # 144 bins, neighbours correlated


def test_uncertainty_of_the_photoz_model_is_carried_on(tmp_path):
    train, target = galaxies(400, seed=1)[:396], galaxies(400, seed=2)[:396]
    photoz = ba.XDPhotoZ(4, n_fits=5, error_scale="published", bootstrap=True)
    binned = photoz.fit(train, seed=1, progress=False).binned(target, np.linspace(0, 1.6, 9))
    assert binned.draws == 5
    known, _ = np.histogram(train.redshift, binned.edges)
    np.testing.assert_allclose(binned.interim_prior.mean(axis=0), known / known.sum(), atol=0.05)
    short = ba.NUTS(draws=100, tune=150, chains=2, target_accept=0.9)
    whole = ba.PopulationNz().fit(binned, short, seed=1, progress=False)
    draws = whole.posterior["posterior"]["mean_redshift"]
    assert draws.sizes["draw"] == 100
    each = draws.values.reshape(2, 5, 20).mean(axis=(0, 2))  # of each fit of the photo-z model
    assert np.ptp(each) > 0.003
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
    with pytest.raises(ValueError, match="must be 'random-walk' or 'independent'"):
        ba.PopulationNz("spline").fit(toy(20)[2])
    with pytest.raises(ValueError, match="admits negative values"):
        prior = {"step": ba.Prior("Normal", mu=0, sigma=1)}
        ba.PopulationNz(priors=prior).fit(toy(20)[2])
