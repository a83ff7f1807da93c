"""Components of spectra with errors and gaps: cost and accuracy beside peers, and gaps of real spectra.

    python benchmarks/spectra.py [--json] [--quick] [--only PART ...]

- ``cost``: 2000 simulated spectra of 1000 pixels and 10 factors (300 x 200, 5 with --quick), errors of
  pixels log-uniform over a factor of 5, 10% gaps, half of them in one block a spectrum. CPU seconds, the
  RMS error in the gaps against the noiseless truth, and the peak of memory above that before, each in a
  process of its own. Peers: wpca (EMPCA, as Bailey 2012, and WPCA), astroML's iterative_pca, robusta-hmf
  (Gaussian), and scikit-learn's PCA and FactorAnalysis after gaps were filled with the mean. wpca and
  iterative_pca do not run with the present scikit-learn and SciPy; what they ask for under old names is
  given to them here. iterative_pca keeps measured pixels as they are.
- ``gaps``: of real spectra a block of 8% and 1% of single pixels are hidden in each, and predicted from
  the others of the same spectrum: mean log density of a hidden pixel, RMS, coverage of 68% and 95%
  intervals. Reads ``shared/data/g_spectra`` beside the repository: galaxies (logarithm of the flux, and the
  flux itself), epochs of a quasar with errors, and stars (logarithm).
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import argparse
import contextlib
import ctypes
import io
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import norm, t

import bayes_astro as ba
from bayes_astro.baselines.spectral_methods import METHODS
from bayes_astro.draws import in_turn, thinned

FOLDER = Path(__file__).resolve().parents[2] / "shared/data/g_spectra"
FLUX = 20.0  # so that nmf finds none below 0
SIZES = {False: (2000, 1000, 10), True: (300, 200, 5)}
NOISE, SPREAD = 0.5, 5.0


def simulated(n, p, k, seed=1):
    """Spectra of k smooth components with decreasing variance, and the noiseless truth."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, p)
    wave = np.arange(1, 41)
    amplitude = rng.normal(size=(k, 40)) * np.exp(-((wave / 20) ** 2))
    phase = rng.uniform(0, 2 * np.pi, (k, 40))
    component = np.sum(
        amplitude[..., None] * np.sin(np.pi * wave[:, None] * x + phase[..., None]), axis=1
    )
    component *= np.geomspace(1, 0.3, k)[:, None] / component.std(axis=1, keepdims=True)
    true = FLUX + np.cos(3 * x) + rng.normal(size=(n, k)) @ component
    error = NOISE * SPREAD ** rng.uniform(-0.5, 0.5, (n, p))
    flux = true + error * rng.normal(size=(n, p))
    gaps = rng.uniform(size=(n, p)) < 0.05
    block = round(0.05 * p)
    for row, start in enumerate(rng.integers(p - block, size=n)):
        gaps[row, start : start + block] = True
    flux[gaps] = np.nan
    return ba.Spectra(np.linspace(4000, 8000, p), flux, error), true


# Ways to fill the gaps: spectra and number of factors to reconstructions (n, p) --------------------


def _component(model):
    return model.posterior["posterior"]["component"].values[0, 0]


def _mean(model):
    return model.posterior["posterior"]["mean"].values[0, 0]


def of_factors(data, k):
    """The model, at its mode."""
    model = ba.SpectralFactors(k, noise="stated", robust=False).fit(
        data, ba.MAP(), seed=1, progress=False
    )
    return model.predict(data, draws=1)["coefficient_mean"].values @ _component(model) + _mean(
        model
    )


def of_baseline(method):
    def fill(data, k):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return (
                ba.baselines.SpectralComponents(method, k)
                .fit(data)
                .predict(data)["signal"]
                .values[0, 0]
            )

    return fill


def of_wpca(name):
    def fill(data, k):
        import scipy.linalg
        import wpca
        import wpca.utils
        import wpca.wpca

        old = wpca.utils.check_array
        if old.__name__ != "renamed":

            def renamed(array, force_all_finite=True, **options):
                return old(array, ensure_all_finite=force_all_finite, **options)

            wpca.utils.check_array = renamed

            class Linear:
                """scipy.linalg with the old name of `subset_by_index`."""

                @staticmethod
                def eigh(matrix, eigvals):
                    return scipy.linalg.eigh(matrix, subset_by_index=eigvals)

            wpca.wpca.linalg = Linear
        weight = np.where(data.missing, 0.0, 1 / np.where(data.missing, 1.0, data.error))
        options = {"random_state": 0, "max_iter": 100} if name == "EMPCA" else {}
        flux = np.where(data.missing, 0.0, data.flux)
        return getattr(wpca, name)(n_components=k, **options).fit_reconstruct(flux, weights=weight)

    return fill


def of_iterative_pca(data, k):
    """It divides by the L2 norm whatever it is told, and multiplies again."""
    import scipy.linalg
    from astroML.dimensionality import iterative_pca as function

    module = sys.modules[function.__module__]
    module.solve = lambda a, b, sym_pos=True, **options: scipy.linalg.solve(
        a, b, assume_a="pos", **options
    )
    with contextlib.redirect_stdout(io.StringIO()):
        return function(np.where(data.missing, 0.0, data.flux), data.missing, n_ev=k, n_iter=15)


def of_robusta(data, k):
    """Gaussian, the mean as one more factor, which it has not by itself."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from robusta_hmf import Robusta

    middle = np.nanmean(data.flux, axis=0)
    flux = np.where(data.missing, 0.0, data.flux - middle)
    weight = np.where(data.missing, 0.0, 1 / np.where(data.missing, 1.0, data.error) ** 2)
    model = Robusta(k, robust=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model.fit(flux, weight)
    return middle + np.asarray(model.synthesize())


def of_scikit_learn(name):
    """Filled with the mean, decomposed, and put together again, as in a first attempt."""

    def fill(data, k):
        from sklearn import decomposition

        filled = np.where(data.missing, np.nanmean(data.flux, axis=0), data.flux)
        found = getattr(decomposition, name)(k, random_state=0)
        z = found.fit_transform(filled)
        return found.mean_ + z @ found.components_

    return fill


FILLS = {
    **({"SpectralFactors, MAP": of_factors} if hasattr(ba, "SpectralFactors") else {}),
    **{f"SpectralComponents {method}": of_baseline(method) for method in METHODS},
    "wpca EMPCA": of_wpca("EMPCA"),
    "wpca WPCA": of_wpca("WPCA"),
    "astroML iterative_pca": of_iterative_pca,
    "robusta-hmf": of_robusta,
    "scikit-learn PCA": of_scikit_learn("PCA"),
    "scikit-learn FactorAnalysis": of_scikit_learn("FactorAnalysis"),
}


def peak():
    """Largest memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measured(name, quick):
    """One way, in this process: a small fit first, so that nothing is imported or compiled in the next."""
    n, p, k = SIZES[quick]
    FILLS[name](simulated(60, 40, 2)[0], 2)
    data, true = simulated(n, p, k)
    with contextlib.suppress(OSError, AttributeError):  # Linux gives back, and starts the peak anew
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    began = time.process_time()
    filled = FILLS[name](data, k)
    seconds = time.process_time() - began
    more = peak() - before
    wrong = filled - true
    return {
        "CPU s": seconds,
        "RMS in gaps": float(np.sqrt(np.mean(wrong[data.missing] ** 2))),
        "RMS elsewhere": float(np.sqrt(np.mean(wrong[~data.missing] ** 2))),
        "MB more": more,
    }


def cost(quick):
    """Every way in a process of its own."""
    found = {}
    for name in FILLS:
        command = [sys.executable, __file__, "--one", name, *(["--quick"] if quick else [])]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        found[name] = json.loads(lines[-1]) if done.returncode == 0 else done.stderr[-200:]
    return {f"{' x '.join(map(str, SIZES[quick]))} factors": found}


# Gaps of real spectra ------------------------------------------------------------------------------


def binned(values, width):
    """Sums of so many neighbouring pixels."""
    return values[:, : values.shape[1] // width * width].reshape(len(values), -1, width).sum(axis=2)


def galaxies(logarithm):
    found = np.load(FOLDER / "brown2014_optical_spectra.npz")
    wave = found["wavelength"]
    chosen = np.flatnonzero((wave >= 3600) & (wave <= 6900))[::3]
    flux = found["flux"][:, chosen].astype(float)
    return ba.Spectra(wave[chosen], _log(flux) if logarithm else flux, 0.0)


def quasar():
    found = np.load(FOLDER / "sdss_rm017_quasar_epochs.npz")
    flux, ivar = (found[x][:, 200:4200].astype(float) for x in ("flux", "ivar"))
    weight = binned(ivar, 4)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, error = binned(flux * ivar, 4) / weight, 1 / np.sqrt(weight)
    wave = 10 ** found["loglam"][200:4200].astype(float).reshape(-1, 4).mean(axis=1)
    return ba.Spectra(wave, mean, error)


def stars():
    found = np.load(FOLDER / "indo_us_stellar_spectra.npz")
    flux = binned(found["flux"].astype(float), 10) / 10
    wave = binned(found["wavelength"][None], 10)[0] / 10
    return ba.Spectra(wave, _log(flux), 0.0)


def _log(flux):
    return np.log(np.where(flux > 0, flux, np.nan))


SAMPLES = {
    "galaxies, log flux, 8": (lambda: galaxies(True), 8),
    "galaxies, log flux, 12": (lambda: galaxies(True), 12),
    "galaxies, flux, 10": (lambda: galaxies(False), 10),
    "quasar, 5": (quasar, 5),
    "quasar, 8": (quasar, 8),
    "stars, log flux, 6": (stars, 6),
}


def chosen(data, seed=0):
    """A block of 8% and 1% of single pixels of each spectrum, never the last one of a pixel."""
    rng = np.random.default_rng(seed)
    n, p = data.flux.shape
    mask = rng.uniform(size=(n, p)) < 0.01
    block = round(0.08 * p)
    for row, start in enumerate(rng.integers(p - block, size=n)):
        mask[row, start : start + block] = True
    mask &= ~data.missing
    mask[:, (mask | data.missing).all(axis=0)] = False
    return mask


def by_baseline(method):
    """Mean and width of the hidden pixels, (1, m), without their errors."""

    def predict(rest, mask, k):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ba.baselines.SpectralComponents(method, k).fit(rest)
        if k == "auto":
            print(method, fit.posterior["posterior"].sizes["factor"], "factors", file=sys.stderr)
        width = np.broadcast_to(fit.posterior["posterior"]["residual"].values[0, 0], mask.shape)
        return fit.predict(rest)["signal"].values[0, :, mask].T, width[mask][None]

    return predict


def by_number(predict):
    """The same with the number of factors that the baseline chooses itself."""
    return lambda rest, mask, k: predict(rest, mask, "auto")


def by_factors(rest, mask, k):
    """The same of draws of the model, (draws, m), and the degrees of freedom of each."""
    model = ba.SpectralFactors(k).fit(rest, seed=1, progress=False)
    some = thinned(model.posterior["posterior"].to_dataset(), 200)
    signal = model.predict(rest, draws=some.sizes["chain"] * some.sizes["draw"])["signal"].values
    floor = in_turn(some, signal.shape[1])["floor"].values[0]
    width = np.broadcast_to(floor[:, None], signal.shape[1:])[:, mask]
    degrees = np.inf
    if "degrees_of_freedom" in some:
        degrees = in_turn(some, signal.shape[1])["degrees_of_freedom"].values[0][:, None]
    return signal[0][:, mask], width, degrees


PREDICTIONS = {
    **({"SpectralFactors": by_factors} if hasattr(ba, "SpectralFactors") else {}),
    **{method: by_baseline(method) for method in METHODS},
    **{f"{method}, auto": by_number(by_baseline(method)) for method in METHODS},
}


def gaps(quick):
    """Scores of each sample and each way."""
    found = {}
    for name, (load, k) in SAMPLES.items():
        data = load()
        mask = chosen(data)
        rest = data.replace(flux=np.where(mask, np.nan, data.flux))
        found[name] = {}
        for way, predict in PREDICTIONS.items():
            if way.startswith("nmf") and np.nanmin(data.flux) < 0:
                continue
            if quick and way not in ("SpectralFactors", "pca", "weighted-pca"):
                continue
            began = time.process_time()
            signal, width, *degrees = predict(rest, mask, k)
            seconds = time.process_time() - began
            width = np.hypot(width, data.error[mask])
            z = (data.flux[mask] - signal) / width
            family = t(*degrees) if degrees and np.all(np.isfinite(degrees[0])) else norm
            log = logsumexp(family.logpdf(z) - np.log(width), axis=0) - np.log(len(z))
            below = family.cdf(z).mean(axis=0)
            wrong = signal.mean(axis=0) - data.flux[mask]
            found[name][way] = {
                "log density": float(log.mean()),
                "median": float(np.median(log)),
                "RMS": float(np.sqrt(np.mean(wrong**2))),
                "68%": float(np.mean(np.abs(below - 0.5) < 0.34)),
                "95%": float(np.mean(np.abs(below - 0.5) < 0.475)),
                "CPU s": seconds,
            }
    return found


PARTS = {"cost": cost, "gaps": gaps}


def main():
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one, given.quick)))
        return
    if "gaps" in given.only and not FOLDER.exists():
        raise SystemExit(
            f"{FOLDER.name} is not there: put it into shared/data beside the repository."
        )
    pd.set_option("display.width", 120, "display.max_columns", 10)
    found = {name: PARTS[name](given.quick) for name in given.only}
    if given.json:
        print(json.dumps(found, indent=1))
        return
    for tables in found.values():
        for name, rows in tables.items():
            good = {way: row for way, row in rows.items() if isinstance(row, dict)}
            print(f"\n{name}")
            print(pd.DataFrame.from_dict(good, orient="index").round(4))
            for way in rows.keys() - good.keys():
                print(f"{way} failed: {rows[way]}")


if __name__ == "__main__":
    main()
