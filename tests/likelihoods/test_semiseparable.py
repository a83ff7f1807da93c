"""The linear-time likelihood against dense algebra, its gradient against finite differences."""

import numpy as np
import pytest
from scipy.linalg import block_diag, expm

from bayes_astro.likelihoods.layout import Layout
from bayes_astro.likelihoods.semiseparable_passes import passes

# J = 1 to 12: reals, pairs, and products of factors.
LAYOUTS = {
    1: Layout(1, 0),
    2: Layout(0, 1),
    3: Layout(1, 1),
    4: Layout(0, 2),
    5: Layout(1, 0, ((2, 2),)),
    6: Layout(0, 3),
    7: Layout(1, 1, ((2, 2),)),
    8: Layout(0, 0, ((2, 2, 2),)),
    9: Layout(1, 1, ((3, 2),)),
    10: Layout(1, 3, ((3,),)),
    12: Layout(1, 1, ((3,), (3, 2))),
}
COMPILED = [  # each takes ten seconds to compile
    size if size == 3 else pytest.param(size, marks=pytest.mark.slow) for size in LAYOUTS
]
PARAMETERS = ("residual", "variance", "u", "v", "power", "rates", "squares", "lag")


def generator(layout, rates, squares):
    """F of Phi(t) = expm(F t), written out a second time."""
    found = [np.array([[-rate]]) for rate in rates[: layout.reals]]
    rates = rates[layout.reals :]
    sizes = [(2,)] * layout.pairs + list(layout.products)
    for factors in sizes:
        total = np.zeros((1, 1))
        for size in factors:
            c, x = rates[0], squares[0]
            rates, squares = rates[1:], squares[1:]
            own = np.diag(np.full(size, -c)) + np.diag(np.ones(size - 1), 1)
            if size == 2:
                own[1, 0] = -x
            total = np.kron(total, np.eye(size)) + np.kron(np.eye(len(total)), own)
        found.append(total)
    return block_diag(*found)


def problem(layout, kind="mixed", n=25, columns=2, bands=2, seed=0):
    """Random tables of a covariance that is positive definite because its diagonal is large."""
    rng = np.random.default_rng([seed, layout.size])
    rates = rng.uniform(0.5, 1.5, layout.rates)
    squares = rng.uniform(0.1, 2, layout.squares)
    if kind == "overdamped":
        squares = -0.2 * rates[layout.reals :] ** 2
    if kind == "critical":
        squares[:] = 0.0
    u = rng.normal(size=(bands, layout.size))
    return {
        "residual": rng.normal(size=n),
        "variance": rng.uniform(0.1, 1, n),
        "u": u,
        "v": 0.3 * u + 0.1 * rng.normal(size=u.shape),
        "power": 20 + 2.0 * layout.size + rng.uniform(0, 1, bands),
        "rates": rates,
        "squares": squares,
        "lag": np.append(0.0, rng.uniform(-1, 1, bands - 1)),
        "width": rng.uniform(0.5, 2, columns),
        "time": np.sort(rng.uniform(0, 20, n)),
        "band": rng.integers(0, bands, n),
        "basis": rng.normal(size=(n, columns)),
    }


def dense(layout, p):
    """Log likelihood by a dense covariance."""
    f = generator(layout, p["rates"], p["squares"])
    t = p["time"] - p["lag"][p["band"]]
    n = len(t)
    k = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            later, earlier = (i, j) if t[i] >= t[j] else (j, i)
            step = expm(f * (t[later] - t[earlier]))
            k[i, j] = p["u"][p["band"][later]] @ step @ p["v"][p["band"][earlier]]
        k[i, i] = p["power"][p["band"][i]] + p["variance"][i]
    k += (p["basis"] * p["width"] ** 2) @ p["basis"].T
    _, log_det = np.linalg.slogdet(k)
    quadratic = p["residual"] @ np.linalg.solve(k, p["residual"])
    return -0.5 * (log_det + quadratic + n * np.log(2 * np.pi))


def differences(function, p, name, index):
    """A fourth-order central difference."""
    step = 1e-4 * max(1.0, abs(p[name][index]))

    def at(k):
        moved = p[name].copy()
        moved[index] += k * step
        return function(*(p | {name: moved}).values())[0]

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@pytest.mark.parametrize("kind", ["mixed", "overdamped", "critical"])
@pytest.mark.parametrize("size", COMPILED)
def test_value_and_gradient(size, kind):
    layout = LAYOUTS[size]
    assert layout.size == size
    p = problem(layout, kind)
    compiled = passes(layout, 2)
    value = compiled.value(*p.values())[0]
    assert value == pytest.approx(dense(layout, p), rel=1e-10)
    density, *gradient = compiled.gradient(*p.values())
    assert density == pytest.approx(value, rel=1e-13)
    for name, slopes in zip(PARAMETERS, gradient, strict=True):
        scale = max(np.abs(slopes).max(initial=0.0), 1e-2)
        some = list(np.ndindex(slopes.shape))[:: max(1, slopes.size // 6)]
        for index in some:
            found = differences(compiled.value, p, name, index)
            assert slopes[index] == pytest.approx(found, abs=1e-6 * scale), (name, index)


def test_coefficients_are_the_conditional_ones():
    """Against the normal equations with the dense covariance."""
    layout = LAYOUTS[3]
    p = problem(layout, bands=1)
    p["lag"] = np.zeros(1)
    _, mean, covariance = passes(layout, 2).value(*p.values())
    f = generator(layout, p["rates"], p["squares"])
    t = p["time"]
    k = np.array(
        [[p["u"][0] @ expm(f * abs(a - b)) @ p["v"][0] for b in t] for a in t]
    )  # symmetric for one band
    np.fill_diagonal(k, p["power"][0] + p["variance"])
    design, width = p["basis"], p["width"]
    precision = design.T @ np.linalg.solve(k, design) + np.diag(width**-2.0)
    assert covariance == pytest.approx(np.linalg.inv(precision), rel=1e-9)
    expected = np.linalg.solve(precision, design.T @ np.linalg.solve(k, p["residual"]))
    assert mean == pytest.approx(expected, rel=1e-9)


def test_a_covariance_that_is_none_has_no_density():
    """Minus infinity and no gradient, never NaN."""
    layout = LAYOUTS[2]
    for name, bad in (("power", -1.0), ("variance", -100.0), ("power", np.nan), ("u", np.inf)):
        p = problem(layout)
        p[name] = np.full_like(p[name], bad)
        density, *gradient = passes(layout, 2).gradient(*p.values())
        assert density == -np.inf
        assert passes(layout, 2).value(*p.values())[0] == -np.inf
        assert all(np.all(slope == 0) for slope in gradient)
