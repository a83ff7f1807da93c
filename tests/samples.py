"""Simulated data that many tests share."""

import numpy as np

import bayes_astro as ba


def sinusoid(n=60, period=3.7, amplitude=1.0, noise=0.5, seed=0, span=100.0, **kwargs):
    """A light curve of one sinusoid."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, span, n))
    error = noise * rng.uniform(0.7, 1.3, n)
    value = 10 + amplitude * np.cos(2 * np.pi * time / period - 1.0) + error * rng.normal(size=n)
    return ba.LightCurve(time, value, error, **kwargs)


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


def mixture_point(model, data, priors, values):
    """Free variables of the mixture at `values`, and the density of the prior over them.

    Means and covariances are sampled in scaled units, and covariances V = L L' as L with logarithms
    on the diagonal: dV = prod_j s_j^(d + 1) 2^d prod_j L_jj^(d - j + 1) d(entries).
    """
    layout = model.problem(data, priors).layout
    shift, scale = model.frame(data, priors)
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
