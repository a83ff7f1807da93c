"""Gaussian-process light curves: likelihood, gradient, prediction and sampling against the peers.

One thread, in turn, in one process, CPU time. Every call has new hyperparameters. "ours" is the
compiled density that the samplers call, from hyperparameters to value or gradient; "kernel" the
numba function inside it. celerite2 is timed the same two ways: from hyperparameters through its
Python interface (compute and log_likelihood), and as the compiled functions inside ("driver": factor
and solve_lower, with sum and logarithms by NumPy), its matrices made beforehand as our tables are.
Interface is compared with interface, kernel with driver. spleaf through set_param, loglike and loglike_grad, tinygp and smolgp as jitted
functions of the hyperparameters. The values are compared before anything is timed.

    python benchmarks/gaussian_process.py [--quick] [--sampling] [--prediction]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import resource
import time

import numpy as np

import bayes_astro as ba
from bayes_astro.likelihoods.semiseparable_passes import passes
from bayes_astro.processes import process

K = ba.kernels
SIZES = (100, 1000, 10_000, 100_000)
KERNELS = {
    "DRW": (lambda: K.DampedRandomWalk(), [1.0, 30.0]),
    "SHO": (lambda: K.SHO(), [1.0, 30.0, 3.0]),
    "3 SHO": (lambda: K.SHO() + K.SHO() + K.SHO(), [1, 30, 3, 0.5, 8, 2, 0.7, 100, 1.5]),
    "Rotation + SHO": (
        lambda: K.Rotation() + K.SHO(),
        [1.0, 20.0, 1.5, 0.5, 0.4, 0.8, 3.0, 0.7],
    ),
}


def cpu(function, least=0.3, turns=5):
    """Shortest CPU microseconds of a call, over several turns of `least` seconds in all."""
    function(0)
    started = time.process_time()
    function(1)
    once = max(time.process_time() - started, 1e-6)
    count = max(1, int(least / once / turns))
    best = np.inf
    for turn in range(turns):
        started = time.process_time()
        for i in range(count):
            function(turn * count + i)
        best = min(best, (time.process_time() - started) / count)
    return 1e6 * best


def data_of(n, seed=0):
    rng = np.random.default_rng(seed)
    time_ = np.sort(rng.uniform(0, n, n))
    return time_, rng.normal(size=n), rng.uniform(0.1, 0.3, n)


def moved(numbers, i):
    """New hyperparameters for every call."""
    return [x * (1 + 1e-3 * ((7 * i + k) % 11)) for k, x in enumerate(numbers)]


def ours(kernel, numbers, t, y, e):
    """The compiled densities from hyperparameters, and the functions inside."""
    import pytensor
    import pytensor.tensor as pt

    from bayes_astro.likelihoods.process_ops import SemiseparableDensity

    names = [name for name, _ in kernel.variables()]
    n = len(t)
    x = pt.dvector("x")
    found = process.tables(kernel, {name: x[i] for i, name in enumerate(names)}, 1, xp=pt)
    rest = (np.zeros(0), t, np.zeros(n, np.int64), np.zeros((n, 0)))
    op = SemiseparableDensity(found.layout, 0)
    out = op(y, e**2, *found.arguments, *rest)
    value = pytensor.function([x], out[0], trust_input=True)
    gradient = pytensor.function([x], [out[0], pytensor.grad(out[0], x)], trust_input=True)
    compiled = passes(found.layout, 0)
    plain = process.tables(kernel, dict(zip(names, numbers, strict=True)), 1)
    arguments = (y, e**2, *plain.arguments, *rest)
    return {
        "kernel, value": lambda i: compiled.value(*arguments)[0],
        "kernel, gradient": lambda i: compiled.gradient(*arguments)[0],
        "ours, value": lambda i: value(np.array(moved(numbers, i), dtype=float)),
        "ours, gradient": lambda i: gradient(np.array(moved(numbers, i), dtype=float))[0],
    }


def celerite2_values(name, numbers, t, y, e):
    """From hyperparameters through its Python interface, and the compiled functions inside."""
    import celerite2
    from celerite2 import driver, terms

    def term(p):
        if name == "DRW":
            return terms.RealTerm(a=p[0] ** 2, c=1 / p[1])
        if name == "SHO":
            return terms.SHOTerm(sigma=p[0], rho=p[1], Q=p[2])
        if name == "3 SHO":
            parts = [
                terms.SHOTerm(sigma=p[3 * k], rho=p[3 * k + 1], Q=p[3 * k + 2]) for k in range(3)
            ]
            return parts[0] + parts[1] + parts[2]
        rotation = terms.RotationTerm(sigma=p[0], period=p[1], Q0=p[2], dQ=p[3], f=p[4])
        return rotation + terms.SHOTerm(sigma=p[5], rho=p[6], Q=p[7])

    def value(i):
        gp = celerite2.GaussianProcess(term(moved(numbers, i)))
        gp.compute(t, yerr=e)
        return gp.log_likelihood(y)

    c, a, u, v = term(moved(numbers, 0)).get_celerite_matrices(t, e**2)
    d, w, z = np.empty_like(a), np.empty_like(v), np.empty((len(t), 1))
    column, constant = np.ascontiguousarray(y[:, None]), len(t) * np.log(2 * np.pi)

    def inside(i):
        driver.factor(t, c, a, u, v, d, w)
        driver.solve_lower(t, c, u, w, column, z)
        return -0.5 * (constant + np.log(d).sum() + (z[:, 0] ** 2 / d).sum())

    return {"celerite2, value": value, "celerite2 driver, value": inside}


def spleaf_functions(name, numbers, t, y, e):
    from spleaf import cov, term

    def kernels(p):
        if name == "DRW":
            return {"a": term.ExponentialKernel(p[0] ** 2, 1 / p[1])}
        if name == "SHO":
            return {"a": term.SHOKernel(p[0], p[1], p[2])}
        return {f"k{k}": term.SHOKernel(p[3 * k], p[3 * k + 1], p[3 * k + 2]) for k in range(3)}

    if name == "Rotation + SHO":
        return None
    matrix = cov.Cov(t, err=term.Error(e), **kernels(numbers))

    def put(i):
        p = moved(numbers, i)
        matrix.set_param([p[0] ** 2, 1 / p[1]] if name == "DRW" else p, matrix.param)

    def value(i):
        put(i)
        return matrix.loglike(y)

    def gradient(i):
        found = value(i)
        matrix.loglike_grad()
        return found

    return value, gradient


def tinygp_functions(name, numbers, t, y, e):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    from tinygp import GaussianProcess
    from tinygp.kernels import quasisep as q

    def sho(sigma, period, quality):
        return q.SHO(omega=2 * jnp.pi / period, quality=quality, sigma=sigma)

    def kernel(p):
        if name == "DRW":
            return q.Exp(scale=p[1], sigma=p[0])
        if name == "SHO":
            return sho(p[0], p[1], p[2])
        if name == "3 SHO":
            return sho(*p[:3]) + sho(*p[3:6]) + sho(*p[6:])
        first, second = 0.5 + p[2] + p[3], 0.5 + p[2]
        total = 1 + p[4]
        one = 4 * jnp.pi * first / (p[1] * jnp.sqrt(4 * first**2 - 1))
        two = 8 * jnp.pi * second / (p[1] * jnp.sqrt(4 * second**2 - 1))
        rotation = q.SHO(omega=one, quality=first, sigma=p[0] / jnp.sqrt(total))
        rotation += q.SHO(omega=two, quality=second, sigma=p[0] * jnp.sqrt(p[4] / total))
        return rotation + sho(p[5], p[6], p[7])

    def density(p):
        return GaussianProcess(kernel(p), t, diag=e**2).log_probability(y)

    value, both = jax.jit(density), jax.jit(jax.value_and_grad(density))

    def run(function):
        def call(i):
            found = jax.block_until_ready(function(jnp.array(moved(numbers, i), dtype=float)))
            return float(found[0] if isinstance(found, tuple) else found)

        return call

    return run(value), run(both)


def likelihoods(quick):
    print("CPU microseconds a call (ratio to ours below)")
    for name, (make, numbers) in KERNELS.items():
        for n in SIZES[: 2 if quick else 4]:
            t, y, e = data_of(n)
            functions = ours(make(), numbers, t, y, e)
            peers = celerite2_values(name, numbers, t, y, e)
            for label, maker in (("spleaf", spleaf_functions), ("tinygp", tinygp_functions)):
                try:
                    found = maker(name, numbers, t, y, e)
                except Exception as error:
                    print(f"  {label} not run: {type(error).__name__}: {str(error)[:100]}")
                    continue
                if found is not None:
                    peers[f"{label}, value"], peers[f"{label}, gradient"] = found
            truth = functions["ours, value"](0)
            for label, function in peers.items():
                difference = abs(function(0) - truth) / abs(truth)
                if difference > 1e-8:
                    print(f"  {label} differs by {difference:.1e}")
            figures = {label: cpu(f) for label, f in (functions | peers).items()}
            line = "; ".join(f"{label} {figure:.1f}" for label, figure in figures.items())
            value = figures["celerite2, value"] / figures["ours, value"]
            inside = figures["celerite2 driver, value"] / figures["kernel, value"]
            gradients = [
                f
                for label, f in figures.items()
                if label.split(",")[0] in ("spleaf", "tinygp") and "grad" in label
            ]
            slope = min(gradients, default=np.nan) / figures["kernel, gradient"]
            through = min(gradients, default=np.nan) / figures["ours, gradient"]
            print(f"{name}, N = {n}: {line}")
            print(
                f"    value {value:.1f} x celerite2, kernel {inside:.1f} x its driver; value + gradient {slope:.1f} x the best peer "
                f"({through:.1f} x with PyTensor around it)",
                flush=True,
            )
    size = KERNELS["3 SHO"][0]()
    found = process.tables(
        size, dict(zip([n for n, _ in size.variables()], KERNELS["3 SHO"][1])), 1
    )
    j = found.layout.size
    print(f"tape of the gradient: {8 * (j * j + 2 * j + 2)} bytes a point at J = {j}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MB")


def prediction():
    import celerite2
    from celerite2 import terms

    t, y, e = data_of(1000)
    data = ba.LightCurve(t, y, e)
    model = ba.GaussianProcess(K.SHO(), mean="zero", jitter=False)
    import xarray as xr

    one = {"sigma": 1.0, "period": 30.0, "quality": 3.0}
    draws = xr.Dataset({k: (("chain", "draw"), np.array([[v]])) for k, v in one.items()})
    print("Prediction, mean and variance, CPU ms")
    gp = celerite2.GaussianProcess(terms.SHOTerm(sigma=1.0, rho=30.0, Q=3.0))
    gp.compute(t, yerr=e)
    for m in (1000, 10_000, 100_000):
        new = np.linspace(0, 1000, m)
        rng = np.random.default_rng(0)
        own = cpu(lambda i: model.forecast(draws, data, new, rng), turns=3)  # noqa: B023
        line = f"M = {m}: ours (with a joint draw) {own / 1e3:.1f}"
        if m <= 10_000:
            peer = cpu(lambda i: gp.predict(y, new, return_var=True), turns=1)  # noqa: B023
            line += f", celerite2 {peer / 1e3:.1f}, ratio {peer / own:.1f}"
        print(line, flush=True)


def sampling():
    """Effective draws per CPU second, N = 500, a damped random walk with a constant and jitter."""
    import celerite2
    import emcee
    from arviz_stats.base import array_stats
    from celerite2 import terms

    rng = np.random.default_rng(1)
    n = 500
    t = np.sort(rng.uniform(0, 2000, n))
    path = np.linalg.cholesky(
        K.DampedRandomWalk().covariance(t[:, None] - t, sigma=1.0, tau=50.0)
    ) @ rng.normal(size=n)
    data = ba.LightCurve(t, path + 0.2 * rng.normal(size=n), np.full(n, 0.15))
    model = ba.GaussianProcess(K.DampedRandomWalk())

    def least(tree, names):
        return min(
            float(array_stats.ess(tree[v].values, chain_axis=0, draw_axis=1, method="bulk"))
            for v in names
        )

    priors = model.resolve_priors(data)
    rows = {}
    for label, sampler in {
        "ours, NUTS": ba.NUTS(),
        "ours, emcee": ba.Emcee(steps=3000),
        "ours, NUTS (nutpie)": ba.NUTS(backend="nutpie"),
        "ours, Exact": ba.Exact(),
    }.items():
        started = time.process_time()
        model.fit(data, sampler, seed=1, progress=False)
        first = time.process_time() - started
        compiled = sampler.compile(model, data, priors)
        if label != "ours, Exact":
            sampler.sample(compiled, data, 2)
        started = time.process_time()
        tree = sampler.sample(compiled, data, 3)
        spent = time.process_time() - started
        found = least(tree["posterior"].to_dataset(), ("sigma", "tau", "jitter"))
        rows[label] = found / spent
        print(f"{label}: {found / spent:.0f} effective draws a CPU second, first fit {first:.1f} s")

    def density(p):
        log_sigma, log_tau, log_jitter, mean = p
        if not (-5 < log_sigma < 5 and -3 < log_tau < 12 and -10 < log_jitter < 3):
            return -np.inf
        gp = celerite2.GaussianProcess(
            terms.RealTerm(a=np.exp(2 * log_sigma), c=np.exp(-log_tau)), mean=mean
        )
        gp.compute(t, diag=data.error**2 + np.exp(2 * log_jitter), quiet=True)
        found = gp.log_likelihood(data.value)
        return found if np.isfinite(found) else -np.inf

    walkers = 32
    start = np.array([0.0, 4.0, -2.0, 0.0]) + 0.1 * rng.normal(size=(walkers, 4))
    started = time.process_time()
    sampler = emcee.EnsembleSampler(walkers, 4, density)
    sampler.run_mcmc(start, 3000)
    spent = time.process_time() - started
    chain = sampler.get_chain(discard=1000)
    tau = emcee.autocorr.integrated_time(chain, tol=0, quiet=True)
    found = chain.shape[0] * walkers / np.max(tau[:3])
    rows["celerite2 + emcee"] = found / spent
    print(f"celerite2 + emcee: {found / spent:.0f} effective draws a CPU second")
    for backend in ("pymc", "nutpie"):
        found, spent = celerite_in_pymc(data, backend)
        label = f"celerite2's PyMC interface ({backend})"
        rows[label] = found / spent
        print(f"{label}: {found / spent:.1f} effective draws a CPU second")
    for label, figure in rows.items():
        print(f"    {label}: {figure / rows['celerite2 + emcee']:.1f} x celerite2 + emcee")


def celerite_in_pymc(data, backend):
    """Fewest effective draws of NUTS through celerite2's own interface, and CPU s of sampling."""
    import warnings

    import celerite2.pymc as interface
    import pymc as pm
    from arviz_stats.base import array_stats

    with pm.Model(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its Ops run in numba's object mode, and say so
        log_sigma, log_tau = pm.Normal("log_sigma", 0, 2), pm.Normal("log_tau", 4, 2)
        log_jitter, mean = pm.Normal("log_jitter", -2, 2), pm.Normal("mean", 0, 2)
        term = interface.terms.RealTerm(a=pm.math.exp(2 * log_sigma), c=pm.math.exp(-log_tau))
        gp = interface.GaussianProcess(term, mean=mean)
        gp.compute(
            data.time,
            diag=data.error**2 + pm.math.exp(2 * log_jitter) * np.ones(len(data.time)),
            quiet=True,
        )
        gp.marginal("observed", observed=data.value)
        settings = {"chains": 2, "cores": 1, "progressbar": False, "random_seed": 1}
        times = []
        for length in (5, 5, 1000):  # the first compiles, the second tells what a start costs
            started = time.process_time()
            tree = pm.sample(length, tune=length, nuts_sampler=backend, **settings)
            times.append(time.process_time() - started)
    draws = tree["posterior"]
    found = min(
        float(array_stats.ess(draws[name].values, chain_axis=0, draw_axis=1, method="bulk"))
        for name in ("log_sigma", "log_tau", "log_jitter")
    )
    return found, times[2] - times[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for option in ("quick", "sampling", "prediction"):
        parser.add_argument(f"--{option}", action="store_true")
    asked = parser.parse_args()
    if asked.prediction:
        prediction()
    elif asked.sampling:
        sampling()
    else:
        likelihoods(asked.quick)
