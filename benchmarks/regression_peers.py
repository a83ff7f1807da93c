"""A line with errors on both axes beside its peers: effective draws, and what intervals hold.

    python benchmarks/regression_peers.py speed [--sizes 50 1000 10000 100000]
    python benchmarks/regression_peers.py coverage [--runs 300] [--shapes skewed ...]

Speed: the worst effective sample size of slope, intercept and ln scatter per CPU second of sampling,
and CPU seconds to a thousand of them with all compiling, for ba.LinearRelation, for the Gibbs sampler
of Kelly (2007) with three Gaussians (`linmix` is on no package index: its steps are written out below,
vectorised), for a hand-written PyMC model with latent true values, and for emcee on the marginal
likelihood of one Gaussian in NumPy.

Coverage: slope 1.5, scatter 0.5, 100 points with errors of 0.5 of the predictor's spread and 0.3 of the
response, true predictors uniform, bimodal or skewed; the bias of the slope in its standard deviations,
and the shares of 68% and 95% intervals that hold the truth, for one and three Gaussians, least squares,
orthogonal regression and the likelihood with a flat prior on the true predictors.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import time

import numpy as np
from arviz_stats.base import array_stats
from scipy.optimize import minimize

import bayes_astro as ba

SLOPE, SCATTER, ERROR_X, ERROR_Y = 1.5, 0.5, 0.5, 0.3


def predictors(shape, n, rng):
    """True values of unit spread."""
    if shape == "uniform":
        return rng.uniform(-np.sqrt(3), np.sqrt(3), n)
    if shape == "bimodal":
        return np.where(rng.uniform(size=n) < 0.5, -1, 1) * 0.95 + 0.31 * rng.normal(size=n)
    if shape == "skewed":
        return rng.exponential(size=n) - 1
    return rng.normal(size=n)


def simulate(seed, n, shape="normal"):
    """Points about the line."""
    rng = np.random.default_rng(seed)
    x = predictors(shape, n, rng)
    y = 1 + SLOPE * x + SCATTER * rng.normal(size=n)
    error = np.tile([ERROR_X, ERROR_Y], (n, 1))
    value = np.column_stack([x, y]) + error * rng.normal(size=(n, 2))
    return ba.Measurements(value, error, names=("x", "y"))


def worst(slope, intercept, scatter):
    """Smallest bulk ESS of (chain, draw) columns."""
    columns = slope, intercept, np.log(scatter)
    return min(float(array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk")) for x in columns)


def ours(data, n_components=1):
    """ESS, CPU seconds of the fit."""
    model = ba.LinearRelation("y", n_components=n_components)
    before = time.process_time()
    model.fit(data, ba.NUTS(draws=1000, tune=500, chains=2), seed=1, progress=False)
    spent = time.process_time() - before
    found = model.posterior["posterior"]
    return worst(
        found["slope"].values[..., 0], found["intercept"].values, found["scatter"].values
    ), spent


def kelly(data, steps=2000, chains=2, many=3):
    """The Gibbs sampler of Kelly (2007), section 6, for errors that are not correlated."""
    x, y = data.value.T
    sx2, sy2 = data.error[:, 0] ** 2, data.error[:, 1] ** 2
    n = len(x)
    kept = np.empty((3, chains, steps))
    before = time.process_time()
    for chain in range(chains):
        rng = np.random.default_rng(chain)
        xi, eta = x.copy(), y.copy()
        beta, alpha = np.polyfit(x, y, 1)
        sigma2 = max(np.var(y - alpha - beta * x) - np.mean(sy2), 1e-3)
        mu, tau2 = rng.normal(x.mean(), x.std(), many), np.full(many, np.var(x) / many)
        share, mu0, u2, w2 = np.full(many, 1 / many), x.mean(), np.var(x), np.var(x)
        for step in range(-steps, steps):
            log = np.log(share) - 0.5 * np.log(tau2) - 0.5 * (xi[:, None] - mu) ** 2 / tau2
            ends = np.cumsum(np.exp(log - log.max(axis=1, keepdims=True)), axis=1)
            of = (ends < rng.uniform(size=(n, 1)) * ends[:, -1:]).sum(axis=1)
            precision = 1 / sx2 + beta**2 / sigma2 + 1 / tau2[of]
            mean = (x / sx2 + beta * (eta - alpha) / sigma2 + mu[of] / tau2[of]) / precision
            xi = mean + rng.normal(size=n) / np.sqrt(precision)
            precision = 1 / sy2 + 1 / sigma2
            mean = (y / sy2 + (alpha + beta * xi) / sigma2) / precision
            eta = mean + rng.normal(size=n) / np.sqrt(precision)
            design = np.column_stack([np.ones(n), xi])
            inverse = np.linalg.inv(design.T @ design)
            alpha, beta = rng.multivariate_normal(inverse @ design.T @ eta, sigma2 * inverse)
            residual = eta - alpha - beta * xi
            sigma2 = residual @ residual / rng.chisquare(n - 2)
            count = np.bincount(of, minlength=many)
            share = rng.dirichlet(1 + count)
            total = np.bincount(of, weights=xi, minlength=many)
            precision = count / tau2 + 1 / u2
            mu = (total / tau2 + mu0 / u2) / precision + rng.normal(size=many) / np.sqrt(precision)
            squares = np.bincount(of, weights=(xi - mu[of]) ** 2, minlength=many)
            tau2 = (w2 + squares) / rng.chisquare(1 + count)
            mu0 = rng.normal(mu.mean(), np.sqrt(u2 / many))
            u2 = (w2 + np.sum((mu - mu0) ** 2)) / rng.chisquare(1 + many)
            shape = 0.5 * many + 1
            w2 = rng.gamma(shape, 1 / (0.5 / u2 + 0.5 * np.sum(1 / tau2)))
            if step >= 0:
                kept[:, chain, step] = beta, alpha, np.sqrt(sigma2)
    return worst(*kept), time.process_time() - before


def by_hand(data):
    """A PyMC model as people write it: a latent true value for every point, sampled by PyMC's NUTS."""
    import pymc as pm

    x, y = data.value.T
    before = time.process_time()
    with pm.Model():
        beta, alpha = pm.Normal("beta", 0, 10), pm.Normal("alpha", 0, 10)
        scatter = pm.HalfNormal("scatter", 2)
        mean, width = pm.Normal("mean", 0, 3), pm.HalfNormal("width", 3)
        true = pm.Normal("true", mean, width, shape=len(x))
        pm.Normal("x", true, data.error[:, 0], observed=x)
        spread = pm.math.sqrt(scatter**2 + data.error[:, 1] ** 2)
        pm.Normal("y", alpha + beta * true, spread, observed=y)
        trace = pm.sample(
            1000, tune=1000, chains=2, cores=1, progressbar=False, random_seed=1,
            compute_convergence_checks=False,
        )  # fmt: skip
    found = trace.posterior
    return worst(
        *(found[k].values for k in ("beta", "alpha", "scatter"))
    ), time.process_time() - before


def marginal(theta, data):
    """Log likelihood of one Gaussian, for rows of parameters: slope, level, ln scatter, mean, ln width."""
    slope, level, scatter, mean, width = np.atleast_2d(theta).T[:, :, None]
    s2, t2 = np.exp(2 * scatter), np.exp(2 * width)
    x, y = data.value.T - np.zeros((2, 1))
    sx2, sy2 = data.error.T**2
    a, c, b = t2 + sx2, slope * t2, slope**2 * t2 + s2 + sy2
    r, q = x - mean, y - level - slope * mean
    det = a * b - c * c
    chi = (b * r * r - 2 * c * r * q + a * q * q) / det
    found = -0.5 * np.sum(chi + np.log(det), axis=1) - 0.5 * np.exp(2 * scatter[:, 0]) / 4
    return np.where(np.isfinite(found), found, -np.inf)


def on_emcee(data, steps=3000):
    """Its walkers moved all at once."""
    import emcee

    rng = np.random.default_rng(1)
    start = np.array([SLOPE, 1, np.log(SCATTER), 0, 0]) + 0.02 * rng.normal(size=(32, 5))
    before = time.process_time()
    sampler = emcee.EnsembleSampler(32, 5, marginal, args=(data,), vectorize=True)
    sampler.run_mcmc(start, steps, progress=False)
    spent = time.process_time() - before
    chain = sampler.get_chain(discard=steps // 3).transpose(2, 1, 0)
    return worst(chain[0], chain[1], np.exp(chain[2])), spent


def speed(sizes):
    """A table of rates, each against the best of the peers."""
    ways = {"ours": ours, "ours, three Gaussians": lambda d: ours(d, 3), "Kelly's Gibbs": kelly,
            "PyMC by hand": by_hand, "emcee, marginal": on_emcee}  # fmt: skip
    for n in sizes:
        data, rates = simulate(1, n), {}
        for name, way in ways.items():
            if n > 10_000 and name in ("PyMC by hand", "ours, three Gaussians", "Kelly's Gibbs"):
                continue
            if name.startswith("ours"):
                way(simulate(2, 50))  # machine code is loaded, or made and kept
            ess, spent = way(data)
            rates[name] = ess / spent
            print(
                f"{n} points, {name}: {ess / spent:.3g} effective draws per CPU s, a thousand in "
                f"{1000 * spent / ess:.2f} CPU s",
                flush=True,
            )
        best = max(rate for name, rate in rates.items() if not name.startswith("ours"))
        print(f"{n} points: {rates['ours'] / best:.1f} times the best of the others", flush=True)


def flat(data):
    """Slope and its error by the likelihood with a flat prior on the true predictors."""
    x, y = data.value.T
    sx2, sy2 = data.error.T**2

    def negative(theta):
        slope, level, scatter = theta
        v = slope**2 * sx2 + sy2 + np.exp(2 * scatter)
        return 0.5 * np.sum((y - level - slope * x) ** 2 / v + np.log(v))

    best = minimize(negative, [1.0, 1.0, -1.0], method="BFGS")
    return best.x[0], np.sqrt(best.hess_inv[0, 0])


def coverage(runs, shapes):
    """A table by shape and way."""
    sampler = ba.NUTS(draws=500, tune=400, chains=1, target_accept=0.9)
    for shape in shapes:
        found = {}
        for seed in range(1, runs + 1):
            data = simulate(seed, 100, shape)
            for many in (1, 3):
                model = ba.LinearRelation("y", n_components=many)
                draws = model.fit(data, sampler, seed=seed, progress=False).posterior["posterior"]
                draws = draws["slope"].values.ravel()
                found.setdefault(f"{many} Gaussians", []).append((draws.mean(), draws.std()))
            for method in ("odr", "wls"):
                row = model.baseline(method).fit(data).summary().loc["slope[x]"]
                found.setdefault(method, []).append((row["mean"], row["sd"]))
            found.setdefault("flat prior", []).append(flat(data))
        for name, rows in found.items():
            value, sd = np.array(rows).T
            away = np.abs(value - SLOPE)
            print(
                f"{shape}, {name}: bias {np.mean((value - SLOPE) / sd):+.2f} +- "
                f"{np.std((value - SLOPE) / sd) / np.sqrt(runs):.2f} of its sd, 68%: "
                f"{np.mean(away < sd):.2f}, 95%: {np.mean(away < 1.96 * sd):.2f}",
                flush=True,
            )


def main():
    """One of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "coverage"))
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 1000, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--shapes", nargs="+", default=["uniform", "bimodal", "skewed"])
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.sizes)
    else:
        coverage(options.runs, options.shapes)


if __name__ == "__main__":
    main()
