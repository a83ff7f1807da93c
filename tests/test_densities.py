"""PyMC's graph of every task against its NumPy likelihood and SciPy's priors."""

import numpy as np
import pytest
from cases import CASES
from pytensor.compile.mode import Mode
from samples import classes_point, mixture_point, process_point
from scipy import stats

import bayes_astro as ba
from bayes_astro.regression.predictor_population import vine_shape

PLAIN = Mode(linker="py", optimizer="fast_compile")


# Whose graphs sample variables of their own, of which `pointwise` knows nothing.
INNER = {
    "rates-all",
    "process-bands",
    "n-of-z",
    "n-of-z-all",
    "two-point",
    "spectra",
    "spectra-all",
    "cluster",
    "cluster-all",
    "relation-distances",
}


@pytest.mark.parametrize("case", [name for name in CASES if name not in INNER], indirect=True)
def test_density_of_the_graph_is_priors_times_log_density(case):
    """At draws from the prior."""
    model, data = case.model.assume(case.data), case.data
    priors = model.resolve_priors(data)
    rng = np.random.default_rng(4)
    draws = model.prior_draws(data, priors, 5, rng)
    if model.problem(data, priors).no_density:
        return  # drawn exactly, or not at all
    pymc_model = model.build(data, priors)
    density = pymc_model.compile_logp(jacobian=False, mode=PLAIN)
    free = {variable.name for variable in pymc_model.free_RVs}
    for i in range(5):
        one = draws.isel(draw=[i])
        values = {name: one[name].values[0, 0] for name in one.data_vars}
        expected = float(model.pointwise(one, data).sum())
        if isinstance(model, ba.GaussianProcess):
            values, correction = process_point(model, data, priors, values)
            expected += correction
        elif "phase" in values:  # amplitudes are sampled as cosine and sine, each normal
            scale = np.broadcast_to(priors["amplitude"].arguments["sigma"], model.numbers(data)[-1])
            both = {"cosine": np.cos, "sine": np.sin}
            own = "own_cosine" in free
            for name, wave in both.items():
                values[name] = values["amplitude"] * wave(values["phase"])
                if own:  # any split into common and own is one: here half of the mean
                    scale_of_own = scale * model.spread / np.sqrt(1 + model.spread**2)
                    whole, values[name] = values[name], 0.5 * values[name].mean(axis=0)
                    values[f"own_{name}"] = whole - values[name]
                    normal = ba.Prior("Normal", mu=0, sigma=list(scale_of_own))
                    expected += normal.log_density(values[f"own_{name}"]).sum()
                width = scale / np.sqrt(1 + model.spread**2) if own else scale
                expected += (
                    ba.Prior("Normal", mu=0, sigma=list(width)).log_density(values[name]).sum()
                )
        if "covariance" in priors:  # a mixture: in coordinates of its own
            point_of = classes_point if "fraction" in priors else mixture_point
            values, density_of_prior = point_of(model, data, priors, values)
            expected += density_of_prior
        for name, prior in priors.items():
            if (name == "amplitude" and "cosine" in values) or "share" in values:
                continue
            expected += np.sum(prior.log_density(values[name]))
            if prior.distribution == "LogUniform":  # sampled as its logarithm
                values[f"log_{name}"] = np.log(values[name])
                expected += np.log(values[name])
        if "partial_unit" in free:
            values["partial_unit"] = 0.5 * (values["partial_correlation"] + 1)
            shape = vine_shape(len(values["slope"]))
            expected += stats.beta(shape, shape).logpdf(values["partial_unit"]).sum()
        point = {}
        for variable in pymc_model.free_RVs:
            value = pymc_model.rvs_to_values[variable]
            transform = pymc_model.rvs_to_transforms[variable]
            x = np.asarray(values[variable.name], dtype=float)
            if transform is not None:
                x = transform.forward(x, *variable.owner.inputs).eval(mode=PLAIN)
            point[value.name] = x
        assert density(point) == pytest.approx(expected, rel=1e-9, abs=1e-7)
