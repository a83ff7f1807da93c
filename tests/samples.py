"""Simulated data that many tests share."""

from dataclasses import fields
from hashlib import sha256

import numpy as np
import xarray as xr

import bayes_astro as ba


def sinusoid(n=60, period=3.7, amplitude=1.0, noise=0.5, seed=0, span=100.0, **kwargs):
    """A light curve of one sinusoid."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    error = noise * rng.uniform(0.7, 1.3, n)
    value = 10 + amplitude * np.cos(2 * np.pi * time / period - 1.0) + error * rng.normal(size=n)
    return ba.LightCurve(time, value, error, **kwargs)


def pulsating(
    n=80, period=0.61, noise=0.05, bands="gri", seed=0, span=60.0, common=False, **kwargs
):
    """A light curve in several bands, of two harmonics that differ between them a little."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    number = rng.integers(0, len(bands), n)
    error = noise * rng.uniform(0.7, 1.3, n)
    angle = 2 * np.pi * time / period
    other = 0 if common else number
    value = (
        15
        + 0.3 * number
        + (0.5 - 0.1 * other) * (np.cos(angle - 1) + 0.4 * np.cos(2 * angle + 0.2 * other))
    )
    value = value + error * rng.normal(size=n)
    return ba.LightCurve(time, value, error, band=np.array(list(bands))[number], **kwargs)


def walk(n=50, sigma=1.0, tau=10.0, noise=0.2, seed=0, span=100.0, bands=None, lag=0.0):
    """A damped random walk, by the exact step of its process; the second band half as strong."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    band = None if bands is None else rng.choice(list(bands), n)
    second = np.zeros(n) if bands is None else (band == bands[1]).astype(float)
    order = np.argsort(time - lag * second)
    seen = (time - lag * second)[order]
    path = np.empty(n)
    path[0] = sigma * rng.normal()
    for i in range(1, n):
        keep = np.exp(-(seen[i] - seen[i - 1]) / tau)
        path[i] = keep * path[i - 1] + sigma * np.sqrt(1 - keep**2) * rng.normal()
    value = np.empty(n)
    value[order] = path
    error = noise * rng.uniform(0.7, 1.3, n)
    value = 10 + value * (1 - 0.5 * second) + 2 * second + error * rng.normal(size=n)
    return ba.LightCurve(time, value, error, band=band)


def wandering(n=50, sigma=0.3, tau=20.0, noise=0.05, seed=0, span=200.0, **kwargs):
    """A light curve of a damped random walk."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    below = np.exp(-np.diff(time) / tau)
    value = sigma * rng.standard_normal(n)
    for i, f in enumerate(below):
        value[i + 1] = f * value[i] + np.sqrt(1 - f * f) * value[i + 1]
    error = noise * rng.uniform(0.7, 1.3, n)
    return ba.LightCurve(time, 18 + value + error * rng.standard_normal(n), error, **kwargs)


def line(n=40, slope=1.5, scatter=0.5, outliers=0, seed=0, names=("x", "y")):
    """Points about a straight line (or plane), with correlated errors on all axes."""
    rng = np.random.default_rng(seed)
    p = len(names) - 1
    x = rng.normal(2, 1, (n, p))
    y = 3 + x @ np.full(p, slope) + scatter * rng.normal(size=n)
    y[:outliers] = rng.normal(3, 6, outliers)
    factor = 0.2 * rng.normal(size=(n, p + 1, p + 1)) + 0.2 * np.eye(p + 1)
    covariance = factor @ factor.transpose(0, 2, 1) + 0.01 * np.eye(p + 1)
    noise = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), rng.normal(size=(n, p + 1)))
    return ba.Measurements(np.column_stack([x, y]) + noise, covariance=covariance, names=names)


def shared(data, columns, seed=4):
    """The same with errors of a common origin in some columns."""
    rng = np.random.default_rng(seed)
    joint = {}
    for name in columns:
        root = 0.3 * rng.standard_normal((len(data), 3))
        joint[name] = root @ root.T + 0.09
    return data.replace(point_covariance=joint)


def limited(data, response="y"):
    """The same with two upper limits and a lower one, a gap, and weights."""
    limit, value = np.zeros(data.value.shape), data.value.copy()
    limit[:3, data.index(response)] = -1, 1, -1
    value[3, 0] = value[4, data.index(response)] = np.nan
    return data.replace(value=value, limit=limit, weight=np.linspace(0.5, 1.5, len(data)))


def curve(n=40, scatter=0.15, noise=0.1, correlated=False, seed=0, names=("x", "y")):
    """y = 3 (x / 2)^1.5, x from 1 to 4 known exactly; errors in common of every five neighbours."""
    rng = np.random.default_rng(seed)
    x = np.linspace(1, 4, n)
    error = noise * rng.uniform(0.5, 1.5, n)
    joint = None
    y = 3 * (x / 2) ** 1.5 + np.hypot(scatter, error) * rng.standard_normal(n)
    if correlated:
        block = np.repeat(np.eye(n // 5), 5, axis=1)
        y += noise * (rng.standard_normal(n // 5) @ block)
        joint = {names[1]: noise**2 * block.T @ block}
    error = np.column_stack([np.zeros(n), error])
    return ba.Measurements(np.column_stack([x, y]), error, names=names, point_covariance=joint)


def clusters(n=80, noise=0.5, seed=0, missing=0, names=("x", "y")):
    """Two populations with noise of its own covariance on each object, some values missing."""
    rng = np.random.default_rng(seed)
    d = len(names)
    centre = np.array([np.full(d, -2.0), np.full(d, 2.0)])
    label = (rng.uniform(size=n) < 0.6).astype(int)
    true = centre[label] + rng.normal(size=(n, d)) * np.where(label == 1, 0.7, 1.2)[:, None]
    factor = noise * (0.4 * rng.normal(size=(n, d, d)) + np.eye(d))
    covariance = factor @ factor.transpose(0, 2, 1)
    value = true + np.einsum("nij,nj->ni", factor, rng.normal(size=(n, d)))
    value[np.arange(missing), rng.integers(d, size=missing)] = np.nan
    return ba.Measurements(value, covariance=covariance, names=names)


def kinds(n=120, noise=0.3, seed=0, missing=6, flux=False, apart=1.5, names=("g", "r", "i")):
    """Two overlapping classes in three columns with errors, as magnitudes of fluxes on request."""
    rng = np.random.default_rng(seed)
    code = (rng.uniform(size=n) < 0.4).astype(int)
    centre = np.array([[0.0, 0.0, 0.0], [apart, 0.5 * apart, -0.5 * apart]])
    error = noise * rng.uniform(0.5, 1.5, (n, 3))
    true = centre[code] + rng.normal(size=(n, 3)) * np.where(code == 1, 0.6, 1.0)[:, None]
    value = true + error * rng.normal(size=(n, 3))
    value[np.arange(missing), rng.integers(3, size=missing)] = np.nan
    label = np.array(["a", "b"])[code]
    if flux:
        bright = 10 ** (-0.4 * (value - 3.0))
        return ba.Photometry(bright, 0.92 * error * bright, names, label=label)
    return ba.Measurements(value, error, names=names, label=label)


def open_cluster(
    n=160, members=60, seed=0, missing=0, stated=1.0, s=(0.05, 0.1), wings=0, **kwargs
):
    """Stars of a field and of a cluster, parallax and proper motions with correlated errors.

    The first are those of the cluster; `wings` of these scatter three times as widely.
    """
    rng = np.random.default_rng(seed)
    total = n + members
    true = np.array([0.5, -1.0, 0.0]) + np.array([0.4, 2.5, 2.0]) * rng.normal(size=(total, 3))
    width = np.array([s[0], s[1], s[1]]) * np.where(np.arange(members) < wings, 3, 1)[:, None]
    true[:members] = np.array([1.5, -4.0, 3.0]) + width * rng.normal(size=(members, 3))
    error = rng.uniform(0.03, 0.12, (total, 1)) * np.array([1.0, 1.2, 0.9])
    rho = np.array([[1, 0.3, 0], [0.3, 1, -0.2], [0, -0.2, 1]])
    covariance = rho * error[:, :, None] * error[:, None]
    noise = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), rng.normal(size=(total, 3)))
    value = true + noise
    value[rng.integers(total, size=missing), rng.integers(3, size=missing)] = np.nan
    kwargs = {"names": ("parallax", "pmra", "pmdec"), "units": ("mas", "mas/yr", "mas/yr")} | kwargs
    return ba.Measurements(value, covariance=stated**2 * covariance, **kwargs)


def galaxies(n=300, noise=1.0, stated=1.0, missing=0, seed=0, bands=("g", "r", "i", "z")):
    """Galaxies of two colours whose magnitudes follow their redshift; errors `stated` as a multiple.

    Some fluxes are missing, the last hundredth of the objects has no redshift.
    """
    rng = np.random.default_rng(seed)
    redshift = rng.gamma(4.0, 0.1, n)
    red = rng.uniform(size=n) < 0.4
    t, m = np.log1p(redshift), len(bands)
    tilt = np.linspace(1.0, -1.0, m)
    magnitude = 19.5 + 6 * t + rng.normal(0, 0.6, n)
    magnitude = magnitude[:, None] + np.where(red, 1.0, 0.4)[:, None] * tilt
    magnitude += np.where(red, 3.0, 1.2)[:, None] * t[:, None] * tilt
    magnitude += 0.05 * rng.normal(size=(n, m))
    flux = 10 ** (-0.4 * (magnitude - 23.9))
    error = noise * np.sqrt(0.3**2 + (0.02 * flux) ** 2)
    flux = flux + error * rng.normal(size=flux.shape)
    flux[np.arange(missing), rng.integers(m, size=missing)] = np.nan
    redshift[n - n // 100 :] = np.nan
    return ba.Photometry(flux, stated * error, bands, redshift, unit="uJy")


def burst(n=40, more=40, seed=0, **kwargs):
    """Events of a constant rate in two intervals, and more of them for a twentieth of the time."""
    rng = np.random.default_rng(seed)
    time = np.sort(np.concatenate([rng.uniform(0, 100, n), rng.uniform(40, 45, more)]))
    inside = (time < 70) | (time > 75)
    return ba.Events(time[inside], intervals=[[0, 70], [75, 100]], **kwargs)


def counted(n=25, mean=0.6, scatter=0.6, background=0.0, off=None, seed=0, **kwargs):
    """Counts of sources whose rates are Gamma distributed; off: exposure off over that on."""
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(5, 20, n)
    rate = rng.gamma(scatter**-2, mean * scatter**2, n)
    if off is None:
        counts = rng.poisson(rate * exposure + background)
        return ba.Counts(counts, exposure, background or None, **kwargs)
    around = background * rng.uniform(0.8, 1.2, n)
    counts = rng.poisson((rate + around) * exposure)
    there = off * exposure
    found = {"off_counts": rng.poisson(around * there), "off_exposure": there}
    return ba.Counts(counts, exposure, **found, **kwargs)


def binned(n=150, seed=2):
    """Probabilities of redshift bins for objects of two groups."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(0, 1, 9)
    middle = 0.5 * (edges[1:] + edges[:-1])
    z = np.where(rng.uniform(size=n) < 0.6, rng.normal(0.3, 0.1, n), rng.normal(0.7, 0.08, n))
    seen = z + 0.1 * rng.standard_normal(n)
    likelihood = np.exp(-0.5 * ((seen[:, None] - middle) / 0.1) ** 2) + 1e-6
    return ba.BinnedRedshifts(likelihood, edges, np.full(len(middle), 1 / len(middle)))


def damping(n=20, draws=60, seed=3):
    """Draws of the damping times of single objects, and their masses with errors."""
    rng = np.random.default_rng(seed)
    mass = rng.normal(8.0, 0.6, n)
    middle = 2.0 + 0.4 * (mass - 8) + 0.15 * rng.standard_normal(n)
    width = rng.uniform(0.1, 0.3, (n, 1))
    log_tau = middle[:, None] + width * (rng.standard_normal((n, 1)) + rng.normal(size=(n, draws)))
    error = rng.uniform(0.05, 0.3, n)
    return ba.DampingTimes(
        log_tau, np.zeros((n, draws)), mass + error * rng.standard_normal(n), error
    )


def pairs(bins=8, patches=24, seed=4, **changes):
    """Estimates of xi = (r / 5)^-1.8 with the covariance of a jackknife; nothing is counted."""
    rng = np.random.default_rng(seed)
    edges = np.geomspace(0.5, 20, bins + 1)
    xi = (edges[1:] * edges[:-1] / 25) ** -0.9
    near = 0.3 ** np.abs(np.subtract.outer(np.arange(bins), np.arange(bins)))
    factor = np.linalg.cholesky(near * np.outer(0.1 * xi + 0.01, 0.1 * xi + 0.01))
    each = factor @ rng.standard_normal((bins, patches)) / np.sqrt(patches - 1)
    each -= each.mean(axis=1, keepdims=True)
    covariance = (patches - 1) / patches * each @ each.T * (patches / (patches - 1))
    estimate = xi + factor @ rng.standard_normal(bins)
    given = {
        "dd": 1000 * (1 + xi), "dr": np.full(bins, 2e4), "rr": np.full(bins, 1e5),
        "expected": np.full(bins, 1000.0), "by_patch": estimate[:, None] + each, "unit": "Mpc",
        "method": "jackknife", "patches": patches, "objects": 1000, "random_points": 10_000,
        "field_separation": [1.0, 10, 100], "field_share": [0.001, 0.049, 0.95],
    }  # fmt: skip
    return ba.PairCounts(edges[:-1], edges[1:], estimate, covariance, **given | changes)


def fields_of(container):
    """Every field, arrays by their bits: what `metadata` leaves out is seen as well."""

    def plain(value):
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.kind == "O":
            return value.tolist()
        return value.dtype.str, value.shape, sha256(value.tobytes()).hexdigest()

    return {f.name: plain(getattr(container, f.name)) for f in fields(container)}


def by_hand(model, data, draws, statistics=None, sampler=None):
    """The model as if `sampler` had drawn `draws` from `data`; nothing is computed."""
    groups = {"posterior": draws} | ({} if statistics is None else {"sample_stats": statistics})
    priors = model.resolve_priors(data) if hasattr(model, "resolve_priors") else {}
    model._store(xr.DataTree.from_dict(groups), data, 0, sampler=sampler, priors=priors)
    return model


def drawn(**columns):
    """Draws as a dataset; a column is (chain, draw), or (dimension, array (chain, draw, entry))."""
    return xr.Dataset(
        {
            name: (("chain", "draw", column[0]), np.asarray(column[1], dtype=float))
            if isinstance(column, tuple)
            else (("chain", "draw"), np.atleast_2d(np.asarray(column, dtype=float)))
            for name, column in columns.items()
        }
    )


def mixture_point(model, data, priors, values):
    """Free variables of the mixture at `values`, and the density of the prior over them.

    Means and covariances are sampled in scaled units, and covariances V = L L' as L with logarithms
    on the diagonal: dV = prod_j s_j^(d + 1) 2^d prod_j L_jj^(d - j + 1) d(entries).
    """
    return point_of_mixture(model.problem(data, priors), priors, values)


def classes_point(model, data, priors, values):
    """The same of the mixtures of all classes, each with its place among the variables."""
    free, density, at = {"fraction": values["fraction"]}, 0.0, 0
    density = float(priors["fraction"].log_density(values["fraction"]))
    for c, part in enumerate(model.problem(data, priors).parts.values()):
        k = len(part.components)
        own = {name: values[name][at : at + k] for name in ("weight", "mean", "covariance")}
        found, more = point_of_mixture(part, priors, own)
        free |= {f"{name}_{c}": value for name, value in found.items()}
        density, at = density + more, at + k
    return {"share": free.get("share_0", 0.0)} | free, density


def point_of_mixture(problem, priors, values):
    """The same of one problem."""
    layout, shift, scale = problem.deconvolution().layout, problem.shift, problem.scale
    d = len(shift)
    weight, mean, covariance = (values[name] for name in ("weight", "mean", "covariance"))
    shares = np.append(weight, values.get("background", 0.0))[: len(layout.fixed_weight)]
    share = shares[layout.free_weight] / layout.remainder
    means, covariances = mean[layout.free_mean], covariance[layout.free_covariance]
    factor = np.linalg.cholesky(covariances / np.outer(scale, scale))
    density = float(priors["weight"].log_density(share))
    density += float(priors["mean"].log_density(means).sum() + len(means) * np.log(scale).sum())
    density += float(priors["covariance"].log_density(covariances).sum())
    pivots = np.diagonal(factor, axis1=1, axis2=2)
    each = (d + 1) * np.log(scale).sum() + d * np.log(2)
    density += len(covariances) * each + np.sum((d - np.arange(d) + 1) * np.log(pivots))
    free = {
        "share": share,
        "free_mean": (means - shift) / scale,
        "log_cholesky": layout.triangles(factor),
    }
    return free, density


def process_point(model, data, priors, values):
    """Free variables of the Gaussian process at `values`, and what its density has beyond them.

    The linear coefficients b are sampled as unit normals x, b = mean + factor x given the rest:
    db = |factor| dx; a trend is scaled by half the time span. sigma and tau of a damped random walk
    are sampled as log(sigma^2 / tau) and log(tau): d(sigma, tau) = sigma tau / 2.
    """
    problem = model.problem(data, priors)
    flat = [np.ravel(values.get(one.name, 0.0)) for one in problem.free()[:-1]]
    mean, covariance = problem.conditional(np.concatenate([*flat, np.zeros(problem.idle.sum())]))
    mean = problem.centre + mean
    factor = np.linalg.cholesky(covariance)
    half = 0.5 * np.ptp(data.time)
    flat = [np.atleast_1d(values["offset"])]
    density = np.log(np.diag(factor)).sum()
    if "trend" in values:
        flat.append(half * np.atleast_1d(values["trend"]))
        density -= len(flat[1]) * np.log(half)
    values["coefficient_unit"] = np.linalg.solve(factor, np.concatenate(flat) - mean)
    if "sigma" in values and "tau" in values:
        sigma, tau = values["sigma"], values["tau"]
        values |= {"log_tau": np.log(tau), "log_rate": np.log(sigma**2 / tau)}
        density += np.log(sigma * tau / 2)
    return values, density


def quasi_periodic(roughness, seed, n=150):
    """Of the field's own kernel: a period of 8 d and a lifetime of 25 d."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, 90, n))
    lag = time[:, None] - time
    covariance = np.exp(-0.5 * (lag / 25) ** 2 - 2 * (np.sin(np.pi * lag / 8) / roughness) ** 2)
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(n))
    value = factor @ rng.normal(size=n) + 0.1 * rng.normal(size=n)
    return ba.LightCurve(time, value, np.full(n, 0.1))


def few_spectra():
    """Spectra for what takes every pixel's time."""
    return spectra(n=16, p=20, k=2, noise=0.2, spread=4.0, gaps=0.15, seed=3)[0]


def spectra(
    n=150, p=80, k=3, noise=0.1, spread=1.0, gaps=0.1, level=5.0, seed=0, stated=True, **kwargs
):
    """Spectra of k smooth components, with errors over a factor `spread` and gaps, and the truth.

    The truth are the noiseless fluxes and the components, whose coefficients are unit normals.
    """
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, p)
    lines = np.exp(
        -0.5 * ((x - rng.uniform(0.1, 0.9, (k, 1))) / rng.uniform(0.06, 0.2, (k, 1))) ** 2
    )
    component = lines * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(1, 4, (k, 1)) * x))
    true = level + np.sin(3 * x) + rng.normal(size=(n, k)) @ component
    error = noise * np.exp(rng.uniform(-0.5, 0.5, (n, p)) * np.log(spread))
    flux = true + error * rng.normal(size=(n, p))
    gone = rng.uniform(size=(n, p)) < 0.3 * gaps
    for row in range(n if gaps else 0):  # the rest in one block
        start = rng.integers(p)
        gone[row, start : start + round(0.7 * gaps * p)] = True
    flux[gone] = np.nan
    data = ba.Spectra(4000 + 1000 * x, flux, error if stated else 0.0, **kwargs)
    return data, true, component
