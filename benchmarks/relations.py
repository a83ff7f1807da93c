"""Time per gradient of a relation with a dense covariance, against one triangular solve of its size.

1701 supernovae, as Pantheon+ has, simulated: half of the variance is common. The goal is 1.2. Run alone on a core:

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/relations.py
"""

import time

import numpy as np
from scipy.linalg import solve_triangular

import bayes_astro as ba

N, REPEATS = 1701, 200


def supernovae(n: int = N, seed: int = 0) -> ba.Measurements:
    """Magnitudes by redshift with errors of their own and a smooth one in common."""
    rng = np.random.default_rng(seed)
    z = np.sort(np.exp(rng.uniform(np.log(0.01), np.log(2.2), n)))
    modes = np.cos(np.outer(np.log(z), np.arange(1, 30)))
    joint = 0.1**2 * (modes / np.arange(1, 30) ** 2) @ modes.T
    value = np.column_stack([z, np.zeros(n)])
    design = ba.Measurements(value, [0.0, 0.15], names=("z", "mb"), point_covariance={"mb": joint})
    mean = ba.relations.DistanceModulus()
    curve = mean.evaluate({"z": z}, {"omega_m": 0.3, "offset": 23.8})
    return design.replace(value=np.column_stack([z, curve + 0.15 * rng.standard_normal(n)]))


def by_turns(factor, residual, problem, point) -> list[float]:
    """Seconds of a solve, of one that does not look for what is not finite, and of a gradient."""
    found = [time.perf_counter()]
    solve_triangular(factor, residual, lower=True)
    found.append(time.perf_counter())
    solve_triangular(factor, residual, lower=True, check_finite=False)
    found.append(time.perf_counter())
    problem.density(point)
    found.append(time.perf_counter())
    return list(np.diff(found))


def main() -> None:
    data = supernovae()
    covariance = data.point_covariance["mb"] + 0.15**2 * np.eye(N)
    factor = np.asfortranarray(np.linalg.cholesky(covariance))
    residual = data.column("mb")
    print(f"{'ms, and ratios':22s} {'each':>7s} {'solve':>7s} {'':7s} {'unchecked':>7s}")
    for model in ("flat-lcdm", "flat-wcdm", "lcdm"):
        for scatter in (False, True):
            mean = ba.relations.DistanceModulus(model)
            task = ba.Relation(mean, "mb", scatter=scatter)
            problem = task.problem(data, task.resolve_priors(data))
            point = problem.points(1, np.random.default_rng(1))[0][0]
            problem.density(point)
            found = np.array([by_turns(factor, residual, problem, point) for _ in range(REPEATS)])
            solve, bare, each = np.median(found, axis=0)
            name = f"{model}{', scatter' if scatter else ''}"
            print(
                f"{name:22s} {1e3 * each:7.2f} {1e3 * solve:7.2f} {each / solve:7.2f}"
                f" {1e3 * bare:7.2f} {each / bare:7.2f}"
            )


if __name__ == "__main__":
    main()
