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


def seconds(function, *arguments) -> float:
    """Median of many calls."""
    found = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        function(*arguments)
        found.append(time.perf_counter() - began)
    return float(np.median(found))


def main() -> None:
    data = supernovae()
    covariance = data.point_covariance["mb"] + 0.15**2 * np.eye(N)
    factor = np.asfortranarray(np.linalg.cholesky(covariance))
    residual = data.column("mb")
    print(f"{'':34s} {'ms':>7s}  ratio to the solve")
    for model in ("flat-lcdm", "flat-wcdm", "lcdm"):
        for scatter in (False, True):
            mean = ba.relations.DistanceModulus(model)
            task = ba.Relation(mean, "mb", scatter=scatter)
            problem = task.problem(data, task.resolve_priors(data))
            point = problem.points(1, np.random.default_rng(1))[0][0]
            problem.density(point)
            # By turns, so that both meet the same machine.
            solve = seconds(lambda: solve_triangular(factor, residual, lower=True))
            each = seconds(problem.density, point)
            again = seconds(lambda: solve_triangular(factor, residual, lower=True))
            unit = (solve + again) / 2
            name = f"{model}{', scatter' if scatter else ''}"
            print(f"{name:34s} {1e3 * each:7.2f}  {each / unit:.2f} (solve {1e3 * unit:.2f} ms)")


if __name__ == "__main__":
    main()
