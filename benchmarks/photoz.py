"""Photometric redshifts: scores on real and simulated samples beside the baselines.

    python benchmarks/photoz.py [SAMPLE ...] [--json] [--quick] [--dc2 FOLDER]

Samples: sdss (galaxies of the main sample, 5000 / 5000 of MLZ-DESC), boss (DR10, errors as
published, 10,000 / 5000), vvds (VVDS-Deep with its gaps and stars, half / half), hdfn (114
redshifts, five folds), jwst (PRIMER and JADES, half / half), photoz (SDSS galaxies beside the
survey's own photoZ), dc2 (LSST's simulation, the files of pz-rail-base: 10,225 / 5000; also with 30%
of the fluxes removed at random, and trained on 500), templates (the template fits of dc2 and sdss) and
nz (N(z) of targets unlike the training set, of dc2). All but sdss need data beside the repository, in
../shared/data, or the package pz-rail-base; what is not there is left out.

Same training and test sets for all. CDE loss: the squared distance from the true conditional
densities but for a constant, lower is better. PIT K-S: 0 is perfect.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import importlib.util
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_astro as ba
from bayes_astro import baselines

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
COLUMNS = ("cde_loss", "crps", "log_score", "pit_ks", "sigma_nmad", "outliers", "coverage_68",
           "coverage_95", "objects_per_second")  # fmt: skip


def permuted(data, seed=0):
    """The objects in random order: files are often sorted."""
    return data[np.random.default_rng(seed).permutation(len(data))]


def sdss():
    """Training and test set."""
    data = ba.load("sdss-galaxies")
    return data[:5000], data[5000:]


def boss():
    """BOSS DR10."""
    bands = tuple("ugriz")
    frame = pd.read_csv(SHARED / "e_photoz/boss_dr10_ugriz.csv.gz")
    frame = frame[(frame[[f"e_{b}" for b in bands]] > 0).all(axis=1)]
    data = permuted(
        ba.Photometry.read(
            frame, magnitude=bands, error=tuple(f"e_{b}" for b in bands), redshift="zspec"
        )
    )
    return data[:10_000], data[10_000:15_000]


def vvds():
    """VVDS-Deep: two cameras, -99.9 where a field was not observed, 99.99 where nothing was seen."""
    frame = pd.read_csv(SHARED / "e_photoz/vvds_deep_veryreliable.csv.gz")
    old, new = [f"CFH12K_MAG_AUTO_{b}" for b in "BVRI"], [f"CFHTLS_MAG_{b}" for b in "UGRIZ"]
    errors = [f"CFH12K_MAGERR_AUTO_{b}" for b in "BVRI"] + [f"MAGERR_AUTO_{b}" for b in "UGRIZ"]
    data = ba.Photometry.read(
        frame,
        magnitude=(*old, *new),
        error=tuple(errors),
        bands=("B", "V", "R", "I", "u", "g", "r", "i", "z"),
        redshift="Z",
        missing=(-99.9, 99.99),
    )
    data = permuted(data[~data.missing.all(axis=1)])
    return data[: len(data) // 2], data[len(data) // 2 :]


def hdfn():
    """The Hubble Deep Field North, those with a redshift."""
    path = SHARED / "e_photoz/hdfn_fs99_eazy.cat"
    table = np.array([line.split() for line in path.read_text().splitlines() if line[0] != "#"])
    table = table.astype(float)
    z = np.where(table[:, -1] > 0, table[:, -1], np.nan)
    flux, error = table[:, 1:-1:2], table[:, 2:-1:2]
    gone = (flux <= -90) | (error <= 0)
    bands = ("F300W", "F450W", "F606W", "F814W", "J", "H", "K")
    data = ba.Photometry(np.where(gone, np.nan, flux), np.where(gone, 1, error), bands, z)
    return permuted(data[~np.isnan(z)])


def jwst():
    """JWST PRIMER and JADES."""
    frame = pd.read_csv(SHARED / "e_photoz/jwst_primer_jades_specz.csv.gz")
    bands = tuple(name for name in frame.columns if f"{name}_err" in frame)
    data = ba.Photometry.read(
        frame, flux=bands, error=tuple(f"{b}_err" for b in bands), redshift="zspec", missing=-99
    )
    data = permuted(data[~data.missing.all(axis=1)])
    return data[: len(data) // 2], data[len(data) // 2 :]


def survey():
    """SDSS galaxies, and the survey's own redshifts (a nearest-neighbour fit)."""
    frame = pd.read_csv(SHARED / "f_star_galaxy_quasar/sdss_labelled_ugriz.csv.gz")
    own = frame["photoZ"].to_numpy()
    good = (frame["class"] == "GALAXY") & (frame["zWarning"] == 0) & (own > -0.01)
    bands = tuple("ugriz")
    error = frame[[f"err_{b}" for b in bands]]
    good &= ((error > 0) & (error < 90)).all(axis=1) & (frame["z"] > -0.01)
    frame = frame[good].sample(frac=1, random_state=0)
    data = ba.Photometry.read(
        frame,
        magnitude=tuple(f"dered_{b}" for b in bands),
        error=tuple(f"err_{b}" for b in bands),
        bands=bands,
        redshift="z",
        missing=-9999,
    )
    half = len(data) // 2
    return data[:half], data[half:], frame["photoZ"].to_numpy()[half:]


def dc2(folder):
    """The test files of pz-rail-base, which are sorted by redshift in part."""
    import h5py

    if folder is None:
        rail = importlib.util.find_spec("rail")
        folder = Path(next(iter(rail.submodule_search_locations))) / "examples_data" / "testdata"
    parts = []
    for part in ("training", "validation"):
        with h5py.File(Path(folder) / f"test_dc2_{part}_9816.hdf5") as file:
            table = {name: array[:] for name, array in file["photometry"].items()}
        parts.append(table)
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    data = ba.Photometry.read(
        table,
        magnitude=tuple(f"mag_{b}_lsst" for b in "ugrizy"),
        error=tuple(f"mag_err_{b}_lsst" for b in "ugrizy"),
        bands=tuple("ugrizy"),
        redshift="redshift",
        missing=99,
    )
    return permuted(data)


def without(data, share=0.3, seed=0):
    """The same objects with that share of the fluxes removed at random."""
    gone = np.random.default_rng(seed).uniform(size=data.flux.shape) < share
    return data.replace(flux=np.where(gone, np.nan, data.flux))


def scored(train, test, quick, models=None):
    """One row a model: scores on the test set and seconds of training."""
    from scipy.stats import kstest

    models = models or {
        "XDPhotoZ, ensemble of 4": ba.XDPhotoZ(),
        "XDPhotoZ, single fit": ba.XDPhotoZ(n_fits=1),
        "XDPhotoZ, errors as published": ba.XDPhotoZ(error_scale="published"),
        "random forest": baselines.RandomForest(),
        "nearest neighbours": baselines.NearestNeighbours(),
        "polynomial": baselines.Polynomial(),
    }
    if quick:
        train, test = train[:1500], test[:1500]
    rows, scales = {}, {}
    for name, model in models.items():
        start = time.process_time()
        model.fit(train, seed=1, progress=False)
        seconds = time.process_time() - start
        row = ba.compare({name: model}, test).iloc[0]
        rows[name] = {column: row[column] for column in COLUMNS} | {"training": seconds}
        star = test.redshift == 0
        if star.any():  # catalogued at exactly zero, where no density can have a uniform PIT
            rows[name]["pit_ks of galaxies"] = kstest(model.pit(test[~star]), "uniform").statistic
        if isinstance(model, ba.XDPhotoZ) and model.error_scale == "infer":
            draws = model.posterior["posterior"].isel(chain=0, draw=0)
            scales[name] = [
                *draws["error_scale"].values.round(3).tolist(),
                float(draws["common_error"]),
            ]
    return pd.DataFrame.from_dict(rows, orient="index"), scales


def folds_of_hdfn(quick):
    """PIT and point estimates of 114 objects, each held out once."""
    from scipy.stats import kstest

    data = hdfn()
    rows = {}
    for name, make in (("XDPhotoZ", ba.XDPhotoZ), ("random forest", baselines.RandomForest)):
        pit, error, log_density = [], [], []
        for fold in range(5):
            test = np.arange(len(data)) % 5 == fold
            model = make().fit(data[~test], seed=1, progress=False)
            pit.append(model.pit(data[test]))
            log_density.append(model.log_density_at(data[test]))
            z = data[test].redshift
            error.append((model.summary(data[test])["mode"].to_numpy() - z) / (1 + z))
        error = np.concatenate(error)
        found = kstest(np.concatenate(pit), "uniform")
        rows[name] = {
            "log_score": np.concatenate(log_density).mean(),
            "pit_ks": found.statistic,
            "pit_p": found.pvalue,
            "sigma_nmad": 1.4826 * np.median(np.abs(error - np.median(error))),
            "outliers": np.mean(np.abs(error) > 0.15),
        }
    return pd.DataFrame.from_dict(rows, orient="index"), {}


def beside_the_survey(quick):
    """SDSS galaxies: our scores, and the point estimates of the survey."""
    train, test, own = survey()
    table, scales = scored(train, test, False, {"XDPhotoZ": ba.XDPhotoZ()})
    error = (own - test.redshift) / (1 + test.redshift)
    table.loc["SDSS photoZ", ["sigma_nmad", "outliers"]] = (
        1.4826 * np.median(np.abs(error - np.median(error))),
        np.mean(np.abs(error) > 0.15),
    )
    return table, scales


def template_fits(train, test, quick):
    """Templates that learn, and plain ones."""
    models = {
        "TemplatePhotoZ": ba.TemplatePhotoZ(),
        "TemplatePhotoZ, zero points alone": ba.TemplatePhotoZ(correction="zero-points"),
        "plain templates": baselines.TemplateFit(),
    }
    return scored(train, test, quick, models)


def population(data, quick):
    """N(z) of targets that are not like the training set, ours and stacked, over several splits.

    Bins hold the truth where the true number of targets in them is within the central 95% of what
    `predict` draws for these targets.
    """
    edges = np.linspace(0, 3, 31)
    rows = {}
    for split in range(1 if quick else 4):
        mixed = permuted(data, 100 + split)
        train, test = mixed[:5000], mixed[5000:10_000]
        rng = np.random.default_rng(split)
        bright = -2.5 * np.log10(np.maximum(test.flux[:, 3], 1e-3)) + 23.9 < 24.0
        thinned = (train.redshift < 1.2) | (rng.uniform(size=len(train)) < 0.3)
        cases = {
            "training without 70% of z > 1.2": (train[thinned], test),
            "targets brighter than the training set": (train, test[bright]),
        }
        for name, (known, target) in cases.items():
            start = time.process_time()
            photoz = ba.XDPhotoZ(
                40, n_fits=4 if quick else 10, error_scale="published", bootstrap=True
            )
            binned = photoz.fit(known, seed=split, progress=False).binned(target, edges)
            row = {"training mean": known.redshift.mean()}
            for label, given in (("", binned), (", first fit alone", binned.draw(0))):
                model = ba.PopulationNz().fit(given, seed=1, progress=False)
                truth, _ = np.histogram(target.redshift, edges)
                mean = truth @ binned.middle / truth.sum()
                drawn = model.predict(draws=400)["signal"].values.reshape(-1, len(target))
                counts = np.array([np.histogram(one, edges)[0] for one in drawn])
                low, high = np.quantile(counts, [0.025, 0.975], axis=0)
                draws = model.posterior["posterior"]
                row |= {
                    f"off by{label}": float(draws["mean_redshift"].mean()) - mean,
                    f"stated error{label}": float(draws["mean_redshift"].std()),
                    f"bins within 95%{label}": np.mean((truth >= low) & (truth <= high)),
                }
            stacked = baselines.Stacking().fit(binned).summary()
            row |= {
                "mean z": mean,
                "stacking off by": stacked.loc["mean_redshift", "mean"] - mean,
                "CPU seconds": time.process_time() - start,
            }
            rows[f"{name}, split {split}"] = row
            print(f"{name}, split {split}: {row}", file=sys.stderr, flush=True)
    return pd.DataFrame.from_dict(rows, orient="index").T, {}


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dc2", metavar="FOLDER", help="folder of the files test_dc2_*_9816.hdf5")
    options = parser.parse_args()
    quick = options.quick
    dc2_there = options.dc2 is not None or importlib.util.find_spec("rail") is not None
    runs = {"sdss": lambda: scored(*sdss(), quick)}
    if SHARED.is_dir():
        runs |= {
            "boss": lambda: scored(*boss(), quick),
            "vvds": lambda: scored(*vvds(), quick),
            "hdfn": lambda: folds_of_hdfn(quick),
            "jwst": lambda: scored(*jwst(), quick),
            "photoz": lambda: beside_the_survey(quick),
        }
    if dc2_there:
        both = dc2(options.dc2)
        train, test = both[:10_225], both[-5000:]
        few = {"XDPhotoZ, ensemble of 4": ba.XDPhotoZ(), "random forest": baselines.RandomForest()}
        runs |= {
            "dc2": lambda: scored(train, test, quick),
            "dc2-gaps": lambda: scored(train, without(test), quick, few),
            "templates": lambda: template_fits(train, test, quick),
            "nz": lambda: population(both, quick),
            "dc2-500": lambda: scored(train[:500], test, quick, few),
        }
    for name in options.samples or runs:
        if name not in runs:
            parser.error(f"{name}: not one of {', '.join(runs)}")
        table, scales = runs[name]()
        if options.json:
            print(json.dumps({name: table.to_dict("index"), "error scales": scales}))
            continue
        print(f"\n{name}\n{table.to_string(float_format=lambda x: f'{x:.4g}')}", flush=True)
        for model, scale in scales.items():
            print(f"error scales of {model}: {scale[:-1]}, common {scale[-1]:.3g} mag", flush=True)


if __name__ == "__main__":
    main()
