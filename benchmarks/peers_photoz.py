# /// script
# requires-python = ">=3.12,<3.14"
# dependencies = [
#   "bayes-astro",
#   "h5py",
#   "pz-rail-bpz>=2.2",
#   "pz-rail-flexzboost>=2.0.3",
#   "pz-rail-gpz-v1>=2.0.3",
#   "pz-rail-sklearn>=2.0.3",
# ]
#
# [tool.uv.sources]
# bayes-astro = { path = "..", editable = true }
# ///
"""Photometric redshifts of other packages, on the training and test sets of photoz.py.

    uv run --script benchmarks/peers_photoz.py [SAMPLE ...] [--json] [--quick] [--dc2 FOLDER]

Samples: sdss, boss (needs ../shared/data) and dc2 (comes with pz-rail-base). The peers are those of
RAIL, which pins much: the block above gives this script an environment of its own.

- FlexZBoost: boosted trees for the coefficients of a cosine basis, from colours and the i magnitude,
  in the second row with their errors. RAIL holds out a quarter of the training set to choose the
  threshold of bumps and the sharpening, then trains again on all. Redshifts go from 0 to 5% beyond
  the training set's largest, not to RAIL's 3, as the basis is no finer than the range / 35.
- GPz: sparse Gaussian processes whose noise depends on the input, from magnitudes and the logarithms
  of their errors; one Gaussian an object. With RAIL's 50 basis functions and with 100.
- nearest neighbours: Gaussians about each, how many and how wide chosen by CDE loss; of up to
  RAIL's 7, which is what it chooses, and of up to 20. From colours alone: that is what
  only_colors=False does in pz-rail-sklearn 2.0.3, and on held-out parts of the training sets of dc2
  and boss CDE loss was worse with the magnitude.
- BPZ: templates and the prior of the HDF-N, in LSST's bands only. Not trained. pz-rail-bpz 2.2 cuts
  errors at 20 after it has put limits of 28 there, so that what was not detected hardly counts.

All else is as RAIL has it, and what is missing is its 99, which each replaces in its own way.

Scores are those of bayes_astro.photoz.scores, of each density on a fine grid in log(1 + z) and
normalised there. There is no log score: most are exactly zero somewhere. Training is in CPU seconds
of one thread, objects a second are those of densities on 300 redshifts, `slower_by` is against our
single fit in the same process, and `failed` counts objects without a density, which get a flat one.
"""

import os

for variable in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{variable}_NUM_THREADS", "1")
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")  # or FlexCode starts processes

import argparse
import contextlib
import importlib
import io
import itertools
import json
import sys
import time

import numpy as np
import pandas as pd
import photoz
from rail.core.common_params import lsst_def_maglims

import bayes_astro as ba
from bayes_astro.data import Photometry
from bayes_astro.photoz.on_grid import OnGrid

BINS = 1500
NUMBER = itertools.count()  # RAIL keeps what a stage made by the name of the stage
COLUMNS = [name for name in photoz.COLUMNS if name != "log_score"]
SAMPLES = ("sdss", "boss", "dc2")


class Peer(OnGrid):
    """A pair of RAIL's stages, one that trains and one that estimates.

    Parameters
    ----------
    module, stage : str
        Where the stages are, and their name without Informer and Estimator.
    training : dict
        Settings of the training that differ from RAIL's own.
    both : dict
        Settings of both stages.
    """

    def __init__(self, module, stage, training=None, both=None):
        self.module, self.stage = module, stage
        self.training, self.both = training or {}, both or {}

    def fit(self, train: Photometry):
        """Train, from the same random state."""
        stages = importlib.import_module(f"rail.estimation.algos.{self.module}")
        self.estimator = getattr(stages, f"{self.stage}Estimator")
        informer = getattr(stages, f"{self.stage}Informer")
        self.largest = 1.05 * train.redshift.max()
        self.edges = np.linspace(np.log1p(-0.0099), np.log1p(self.largest), BINS + 1)
        np.random.seed(0)  # noqa: NPY002  (GPz takes its validation set from the global state)
        stage = informer.make_stage(
            name=f"inform_{next(NUMBER)}",
            **self.settings(informer, train.bands, 301),
            **self.training,
        )
        self.model = stage.inform(columns(train))
        return self

    def settings(self, stage, bands, bins):
        """Those that depend on the sample, of those that the stage knows."""
        names = [f"mag_{band}_lsst" for band in bands]
        every = {
            "bands": names,
            "err_bands": [f"mag_err_{band}_lsst" for band in bands],
            "mag_limits": {name: lsst_def_maglims[name] for name in names},
            "replace_error_vals": [0.1] * len(bands),
            "zmin": 0.0,
            "zmax": self.largest,
            "nzbins": bins,
        }
        own = {name: value for name, value in every.items() if name in stage.config_options}
        return own | {"hdf5_groupname": "", "output_mode": "return"} | self.both

    def ensemble(self, photometry, bins):
        """Densities of every object, as qp has them."""
        stage = self.estimator.make_stage(
            name=f"estimate_{next(NUMBER)}",
            model=self.model,
            **self.settings(self.estimator, photometry.bands, bins),
        )
        return stage.estimate(columns(photometry)).data

    def table(self, photometry):
        """Edges of the bins of log(1 + z), and the density in each for every object."""
        middle = 0.5 * (self.edges[1:] + self.edges[:-1])
        z = np.expm1(middle)
        density = self.ensemble(photometry, 1001).pdf(z) * (1 + z)
        total = (density * np.diff(self.edges)).sum(axis=1, keepdims=True)
        good = np.isfinite(total) & (total > 0)
        self.failed = int((~good).sum())
        flat = (1 + z) / (self.largest + 0.0099)
        return self.edges, np.where(good, density / np.where(good, total, 1), flat)

    def responses(self, photometry):
        """The spectroscopic redshifts."""
        return photometry.redshift

    def on_300(self, photometry):
        """Densities as a user of RAIL gets them."""
        self.ensemble(photometry, 300).pdf(np.linspace(0, self.largest, 300))


def columns(photometry):
    """Magnitudes and errors by RAIL's names; a fresh copy, as its stages write into them."""
    table = {"redshift": np.array(photometry.redshift)}
    flux = np.where(photometry.missing | (photometry.flux <= 0), np.nan, photometry.flux)
    magnitude = np.where(np.isnan(flux), 99.0, 23.9 - 2.5 * np.log10(flux))
    error = np.where(np.isnan(flux), 99.0, 2.5 / np.log(10) * photometry.error / flux)
    for j, band in enumerate(photometry.bands):
        table |= {f"mag_{band}_lsst": magnitude[:, j], f"mag_err_{band}_lsst": error[:, j]}
    return table


def peers(sample):
    """What is scored on a sample."""
    found = {
        "FlexZBoost": Peer("flexzboost", "FlexZBoost"),
        "FlexZBoost with errors": Peer("flexzboost", "FlexZBoost", both={"include_mag_err": True}),
        "GPz": Peer("gpz", "GPz"),
        "GPz with 100 functions": Peer("gpz", "GPz", {"n_basis": 100}),
        "nearest neighbours": Peer("k_nearneigh", "KNearNeigh"),
        "nearest neighbours, up to 20": Peer("k_nearneigh", "KNearNeigh", {"nneigh_max": 20}),
    }
    return found | ({"BPZ": Peer("bpz_lite", "BPZlite")} if sample == "dc2" else {})


class Ours:
    """A model of bayes_astro, timed in the same way."""

    failed = 0

    def __init__(self, model):
        self.model = model
        self.scores = model.scores

    def fit(self, train):
        """Train."""
        self.largest = 1.05 * train.redshift.max()
        self.model.fit(
            train, seed=1, **({"progress": False} if hasattr(self.model, "priors") else {})
        )

    def on_300(self, photometry):
        """Densities as a user gets them."""
        self.model.pdf(photometry, np.linspace(0, self.largest, 300))


def ours(sample):
    """Our models, the first the one that others are compared with."""
    found = {
        "XDPhotoZ, single fit": ba.XDPhotoZ(
            40, n_fits=1, error_scale=0.1 if sample == "boss" else 1.0
        ),
        "XDPhotoZ, ensemble of 4": ba.XDPhotoZ(),
        "random forest": ba.baselines.RandomForest(),
    }
    found |= {"TemplatePhotoZ": ba.TemplatePhotoZ()} if sample == "dc2" else {}
    return {name: Ours(model) for name, model in found.items()}


def scored(sample, train, test):
    """One row a model: scores on the test set, seconds of training, and how many times slower."""
    rows = {}
    for name, model in (ours(sample) | peers(sample)).items():
        try:
            start = time.process_time()
            model.fit(train)
            seconds = time.process_time() - start
            row = model.scores(test)
            start = time.process_time()
            model.on_300(test)
            row["objects_per_second"] = len(test) / (time.process_time() - start)
        except Exception as error:
            print(f"{sample}: {name} left out, {type(error).__name__}: {error}", file=sys.stderr)
            continue
        rows[name] = {column: row[column] for column in COLUMNS}
        rows[name] |= {"training": seconds, "failed": model.failed}
    table = pd.DataFrame.from_dict(rows, orient="index")
    speed = table["objects_per_second"]
    return table.assign(slower_by=speed.iloc[0] / speed)


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dc2", metavar="FOLDER", help="folder of the files test_dc2_*_9816.hdf5")
    options = parser.parse_args()
    there = SAMPLES if photoz.SHARED.is_dir() else ("sdss", "dc2")
    for name in options.samples or there:
        if name not in there:
            parser.error(f"{name}: not one of {', '.join(there)}")
        if name == "dc2":
            data = photoz.dc2(options.dc2)
            train, test = data[:10_225], data[-5000:]
        else:
            train, test = getattr(photoz, name)()
        if options.quick:
            train, test = train[:1500], test[:1500]
        with contextlib.redirect_stdout(io.StringIO()):  # what RAIL logs
            table = scored(name, train, test)
        if options.json:
            print(json.dumps({name: table.to_dict("index")}), flush=True)
            continue
        print(f"\n{name}\n{table.to_string(float_format=lambda x: f'{x:.4g}')}", flush=True)


if __name__ == "__main__":
    main()
