"""Does `ba.kernels.QuasiPeriodic()` by default find period and lifetime? Beside a dense fit of the exact kernel.

Light curves of the field's kernel, exp(-t^2 / (2 decay^2) - 2 sin^2(pi t / period) / roughness^2), with a
period of 8 d, a lifetime of 25 d and a noise of a tenth: 150 rows in 90 d. The dense fit has that kernel and
the same priors, and draws by Metropolis from its maximum; the distance of the medians of both is given in its
standard deviations, and in ours.

    uv run python benchmarks/quasi_periodic.py [simulations, default 20]
"""

import sys
import time as clock
import warnings
from pathlib import Path

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.optimize import minimize

import bayes_astro as ba

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import samples

NAMES = ("sigma", "period", "decay", "roughness", "jitter")


def dense(data, priors, draws=7500):
    """Draws (draws, 5) of the logarithms of the exact kernel's parameters."""
    lag, y = np.abs(data.time[:, None] - data.time), data.value - data.value.mean()
    wide = 25 * np.var(y)

    def density(x):
        if np.any(np.abs(x) > 20):
            return -1e10
        sigma, period, decay, roughness, jitter = np.exp(x)
        exponent = -0.5 * (lag / decay) ** 2 - 2 * (np.sin(np.pi * lag / period) / roughness) ** 2
        covariance = sigma**2 * np.exp(exponent) + wide
        covariance[np.diag_indices(len(y))] += data.error**2 + jitter**2 + 1e-8 * sigma**2
        try:
            factor = cholesky(covariance, lower=True, check_finite=False)
        except LinAlgError:
            return -1e10
        fit = -0.5 * y @ cho_solve((factor, True), y) - np.log(np.diag(factor)).sum()
        values = zip(NAMES, x, strict=True)
        return fit + sum(float(priors[name].log_density(np.exp(v))) + v for name, v in values)

    starts = (np.log([1, 8, 25, roughness, 0.03]) for roughness in (0.25, 0.5, 0.9))
    ends = [minimize(lambda x: -density(x), x, method="Nelder-Mead") for x in starts]
    x = min(ends, key=lambda end: end.fun).x
    steps = 1e-2 * np.eye(5)
    hessian = [
        [
            density(x + a + b) - density(x + a - b) - density(x - a + b) + density(x - a - b)
            for b in steps
        ]
        for a in steps
    ]
    values, axes = np.linalg.eigh(-np.array(hessian) / 4e-4)
    jump, rng = axes / np.sqrt(np.maximum(values, 0.25)), np.random.default_rng(0)
    now, kept = density(x), []
    for _ in range(draws + draws // 5):
        new = x + 0.9 * rng.choice([1, 0.4, 0.1]) * (jump @ rng.normal(size=5))
        other = density(new)
        if np.log(rng.uniform()) < other - now:
            x, now = new, other
        kept.append(x)
    return np.array(kept[draws // 5 :])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    inside = dict.fromkeys(("period", "decay"), 0)
    for k, roughness in enumerate(np.linspace(0.2, 1.0, count)):
        data, begin = samples.quasi_periodic(roughness, 100 + k), clock.process_time()
        model = ba.GaussianProcess(ba.kernels.QuasiPeriodic()).fit(data, seed=1, progress=False)
        seconds, exact = clock.process_time() - begin, dense(data, model.resolve_priors(data))
        line = f"roughness {roughness:.2f}, {seconds:.0f} CPU s:"
        for name in inside:
            ours = np.log(model.posterior["posterior"][name].values.ravel())
            reference = exact[:, NAMES.index(name)]
            off = np.median(ours) - np.median(reference)
            inside[name] += abs(off) < 2 * reference.std()
            line += f" {name} {np.exp(np.median(ours)):.4g} for {np.exp(np.median(reference)):.4g}"
            line += f" ({off / reference.std():+.2f} sd, {off / ours.std():+.2f} of ours);"
        print(line, flush=True)
    print({name: f"{n} of {count} within 2 sd" for name, n in inside.items()})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
