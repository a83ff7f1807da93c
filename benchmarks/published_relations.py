"""Relations beside those published: our mean and sd, the published ones, and their distance in sigma.

Reads tables that are not in the repository, from `../shared/data`, and prints a table in Markdown. Where a
value was published without an error, the distance is in our own.

    uv run python benchmarks/published_relations.py [name ...]
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
LINES, SUPERNOVAE = FOLDER / "j_regression", FOLDER / "i_supernovae"
SAMPLER = ba.NUTS(draws=500, tune=500, chains=2)


def mean_sd(model, name):
    """Of a variable of the summary."""
    row = model.summary().loc[name]
    return float(row["mean"]), float(row["sd"])


def line(data, response, sampler=SAMPLER, **settings):
    """A fitted line."""
    return ba.LinearRelation(response, **settings).fit(data, sampler, seed=1, progress=False)


def table(columns, errors, **more):
    """Columns by name, with their errors."""
    value, error = np.column_stack(list(columns.values())), np.column_stack(errors)
    return ba.Measurements(value, error, names=tuple(columns), **more)


def hogg():
    """Exercises 1, 2 and 6 of Hogg, Bovy & Lang 2010."""
    points = ba.load("hogg-2010")
    least = ba.LinearRelation("y").baseline("wls", errors="stated")
    for label, rows, slope in (("points 5-20", points[4:], 2.24), ("all", points, 1.08)):
        error = {2.24: 0.11, 1.08: 0.08}[slope]
        yield f"{label}: slope", mean_sd(least.fit(rows), "slope[x]"), (slope, error)
    exact = points.without_error("x")
    mixture = line(exact, "y", ba.NUTS(target_accept=0.95), scatter=False, outliers=True)
    yield "all, outliers: slope", mean_sd(mixture, "slope[x]"), (2.25, 0.12)


SAKAI = {  # column of the magnitude, slope and intercept with their errors (Sakai et al. 2000)
    "B": (1, (-8.04, 0.63), (-19.77, 0.11)),
    "V": (3, (-8.86, 0.57), (-20.33, 0.08)),
    "R": (5, (-8.79, 0.50), (-20.64, 0.07)),
    "I": (7, (-9.26, 0.57), (-21.12, 0.07)),
    "H": (9, (-11.03, 0.75), (-21.73, 0.07)),
}


def sakai():
    """Tully-Fisher relations of the widths at 20%."""
    rows = [r.split("|") for r in (LINES / "sakai2000_tully_fisher_TF.dat").open()]
    rows = [r for r in rows if not r[0].startswith("#") and len(r) > 14]
    for band, (column, slope, intercept) in SAKAI.items():
        at = [column, column + 1, 11, 12]
        seen = [[float(r[k]) for k in at] for r in rows if all(r[k].strip() for k in at)]
        magnitude, error, x, x_error = np.array(seen).T
        fit = line(table({"w": x - 2.5, "m": magnitude}, [x_error, error]), "m")
        yield f"{band} ({len(seen)}): slope", mean_sd(fit, "slope[w]"), slope
        yield f"{band}: at log W = 2.5", mean_sd(fit, "intercept"), intercept


def black_holes():
    """van den Bosch 2016."""
    rows = pd.read_csv(LINES / "BHcompilation_msigma.csv")
    rows = rows[(rows.SIG > 0) & (rows.MBH > 0)]
    for label, chosen in (("SELECTED", rows[rows.SELECTED == 1]), ("all", rows)):
        data = table(
            {"sigma": chosen.SIG - np.log10(200), "mass": chosen.MBH},
            [chosen.DSIG, chosen.DMBH], limit={"mass": -chosen.UPPERLIMIT.to_numpy()},
        )  # fmt: skip
        fit = line(data, "mass")
        label = f"{label} ({len(data)}, {data.limited.sum()} limits)"
        yield f"{label}: slope", mean_sd(fit, "slope[sigma]"), (5.35, 0.23)
        yield f"{label}: at 200 km/s", mean_sd(fit, "intercept"), (8.32, np.nan)
        yield f"{label}: scatter", mean_sd(fit, "scatter"), (0.49, np.nan)


def gama():
    """Mass and size; the published line is orthogonal, weighted for selection."""
    t = np.genfromtxt(LINES / "GAMAsmVsize.tab", names=True)
    data = table(
        {"m": t["logmstar"] - 10, "r": t["logrekpc"]}, [t["logmstar_err"], t["logrekpc_err"]]
    )
    weights = next(name for name in t.dtype.names if name.startswith("weight"))
    weighted = data.replace(weight=t[weights] / t[weights].mean())
    for label, rows in (("unweighted", data), ("weighted", weighted)):
        fit = line(rows, "r", ba.Laplace(draws=1000, restarts=1))
        yield f"{label}: slope", mean_sd(fit, "slope[m]"), (0.382, np.nan)
        yield f"{label}: scatter", mean_sd(fit, "scatter"), (0.145, np.nan)


def lmc():
    """25 distance moduli of the Large Magellanic Cloud, with a scatter beyond their errors."""
    rows = [r.split() for r in (LINES / "LMC_distance_measurements.tab").open()][1:]
    value, error = np.array([[float(x) for x in r[-2:]] for r in rows if len(r) > 2]).T
    data = table({"dm": value}, [error])
    fit = ba.ExtremeDeconvolution(1).fit(data, SAMPLER, seed=1, progress=False)
    draws = fit.posterior["posterior"]["mean"].values
    yield f"modulus ({len(value)})", (draws.mean(), draws.std()), (18.49, 0.09)


def hubble(z, value, error, column="omega_m", **more):
    """Flat universe."""
    data = table({"z": z, "mu": value}, [0 * z, error], **more)
    model = ba.Relation(ba.relations.DistanceModulus(), "mu", scatter=False)
    fit = model.fit(data, ba.Laplace(draws=2000, restarts=1), seed=1, progress=False)
    return mean_sd(fit, column)


def hubble_diagrams():
    """Density of matter, by full covariance where it is there, else by diagonal errors."""
    binned = ba.load("pantheon-binned")
    joint = {"mu": binned.point_covariance["magnitude"]}
    z, mu = binned.value.T
    found = hubble(z, mu, binned.error[:, 1], point_covariance=joint)
    yield "Pantheon, binned, full covariance", found, (0.298, 0.022)
    union = np.loadtxt(SUPERNOVAE / "SCPUnion2.1_mu_vs_z.txt", usecols=(1, 2, 3))
    yield "Union2.1, diagonal", hubble(*union.T), (0.278, np.nan)
    des = pd.read_csv(SUPERNOVAE / "DESY5_DES-SN5YR_HD.csv")
    found = hubble(*(des[name].to_numpy() for name in ("zHD", "MU", "MUERR_FINAL")))
    yield "DES, diagonal", found, (0.352, 0.017)
    rows = pd.read_csv(SUPERNOVAE / "Pantheon+SH0ES.dat", sep=r"\s+")
    rows = rows[rows.zHD > 0.01]
    found = hubble(*(rows[c].to_numpy() for c in ("zHD", "m_b_corr", "m_b_corr_err_DIAG")))
    yield "Pantheon+, diagonal", found, (0.334, 0.018)


def jla():
    """Stretch and colour of JLA: mB - mu(z) on x1 and c, at omega_m = 0.295 (Betoule et al. 2014)."""
    t = np.genfromtxt(SUPERNOVAE / "JLA_jla_lcparams.txt", names=True, dtype=None, encoding="ascii")
    mean = ba.relations.DistanceModulus(heliocentric="h")
    mu = mean.evaluate({"z": t["zcmb"], "h": t["zhel"]}, {"omega_m": 0.295, "offset": 0.0})
    value = np.column_stack([t["x1"], t["color"], t["mb"] - mu])
    covariance = np.zeros((len(t), 3, 3))
    for k, name in enumerate(("dx1", "dcolor", "dmb")):
        covariance[:, k, k] = t[name] ** 2
    covariance[:, 2, 2] += (5 / np.log(10) * 5e-4 / t["zcmb"]) ** 2  # peculiar velocities, 150 km/s
    for (i, j), name in {(0, 1): "cov_s_c", (0, 2): "cov_m_s", (1, 2): "cov_m_c"}.items():
        covariance[:, i, j] = covariance[:, j, i] = t[name]
    value[:, 2] += np.where(t["3rdvar"] > 10, 0.070, 0.0)  # of massive hosts, as published
    data = ba.Measurements(value, covariance=covariance, names=("x1", "c", "m"))
    fit = line(data, "m")
    alpha, beta = (mean_sd(fit, f"slope[{name}]") for name in ("x1", "c"))
    yield "alpha", (-alpha[0], alpha[1]), (0.141, 0.006)
    yield "beta", beta, (3.101, 0.075)


def hubble_constant():
    """Calibrators and the Hubble flow of Pantheon+SH0ES, by diagonal errors (Riess et al. 2022).

    M from calibrators as a mean with a scatter; 5 log10 H0 = M + 25 - (m - 5 log10 d), by a curve of
    fixed deceleration, q0 = -0.55 and j0 = 1.
    """
    rows = pd.read_csv(SUPERNOVAE / "Pantheon+SH0ES.dat", sep=r"\s+")
    near, flow = rows[rows.IS_CALIBRATOR == 1], rows[rows.USED_IN_SH0ES_HF == 1]
    z = flow.zHD
    d = 299792.458 * z * (1 + 0.5 * 1.55 * z - (1 + 0.55 - 3 * 0.55**2 + 1) * z**2 / 6)
    means = []
    for value, error in (
        (near.m_b_corr - near.CEPH_DIST, near.m_b_corr_err_DIAG),
        (flow.m_b_corr - 5 * np.log10(d) - 25, flow.m_b_corr_err_DIAG),
    ):
        data = table({"m": value.to_numpy()}, [error.to_numpy()])
        fit = ba.ExtremeDeconvolution(1).fit(data, SAMPLER, seed=1, progress=False)
        means.append(fit.posterior["posterior"]["mean"].values.ravel())
    h = 10 ** (0.2 * (means[0] - means[1]))
    yield "H0, diagonal", (h.mean(), h.std()), (73.04, 1.04)


CASES = {
    "Hogg et al. 2010": hogg,
    "Sakai et al. 2000": sakai,
    "black holes": black_holes,
    "GAMA": gama,
    "LMC": lmc,
    "Omega_m": hubble_diagrams,
    "JLA": jla,
    "SH0ES": hubble_constant,
}


if __name__ == "__main__":
    print("| data | quantity | ours | published | sigma |\n|---|---|---|---|---|")
    for name, case in CASES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for quantity, (mean, sd), (value, error) in case():
            known = not np.isnan(error)
            away = (mean - value) / np.hypot(sd, error if known else 0.0)
            theirs = f"{value:.4g} ± {error:.2g}" if known else f"{value:.4g}"
            ours = f"{mean:.4g} ± {sd:.2g}"
            print(f"| {name} | {quantity} | {ours} | {theirs} | {away:+.1f} |", flush=True)
