"""Every figure of every task and baseline, at page and column width, to look at.

    python benchmarks/contact_sheet.py FOLDER [name ...]

Fits are quick ones of bundled data (exact, Laplace or short chains) and are kept in FOLDER/fits: delete
that folder to make them anew. Single figures go to FOLDER/<fit>/<figure>-<width>.png, and one montage
a fit, both widths, to FOLDER/<fit>.png.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import numpy as np
from matplotlib.figure import Figure

import bayes_astro as ba

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import samples

LAPLACE = {"draws": 1000, "restarts": 2}
NUTS = {"draws": 300, "tune": 300, "chains": 2}


def planet():
    return ba.GaussianProcess(
        ba.kernels.SHO(quality=2.0),
        mean=ba.means.KeplerOrbit(period=(0.3, 0.45), eccentric=True),
        amplitude=False,
    )


def aliased():
    """Nightly observations, which leave two periods a day apart in frequency."""
    rng = np.random.default_rng(4)
    time = (
        2457000.3 + np.sort(rng.choice(np.arange(150), 40, replace=False)) + rng.normal(0, 0.03, 40)
    )
    value = 4 * np.cos(2 * np.pi * time / 1.8) + 3 * rng.normal(size=40)
    labels = {"value_unit": "m/s", "time_format": "jd", "time_scale": "tdb"}
    return ba.LightCurve(time, value, np.full(40, 3.0), **labels)


def templates():
    return ba.TemplatePhotoZ(correction=None, template_error=0.05)


def galaxies(n=800):
    return ba.load("sdss-galaxies")[:n]


def limits():
    """Upper limits of the response, of the predictor, a lower one and gaps."""
    data = samples.line(n=80)
    value, limit = data.value.copy(), np.zeros(data.value.shape)
    limit[:20, 1] = limit[20:26, 0] = -1
    limit[26:29, 1] = 1
    value[30:33, 0] = np.nan
    return data.replace(value=value, limit=limit)


def quasar():
    return ba.load("macho-quasar").select("R")


FITS = {
    # name: model, data, sampler (None: the task's default; of baselines none)
    "periodogram": (
        lambda: ba.Periodogram(n_terms=3, jitter=True, period=(1.6, 2400)),
        lambda: ba.load("eros2-cepheid").select("B"),
        None,
    ),
    "periodogram-two-modes": (lambda: ba.Periodogram(period=(1.2, 100)), aliased, None),
    "LombScargle": (
        lambda: ba.baselines.LombScargle(n_terms=3),
        lambda: ba.load("eros2-cepheid").select("B"),
        None,
    ),
    "process": (lambda: ba.GaussianProcess(ba.kernels.DampedRandomWalk()), quasar, None),
    "process-bands": (
        lambda: ba.GaussianProcess(ba.kernels.DampedRandomWalk(), lag=(-30, 30)),
        lambda: ba.load("macho-quasar"),
        ba.Laplace(**LAPLACE),
    ),
    "process-planet": (planet, lambda: ba.load("k2-131"), ba.Laplace(**LAPLACE)),
    "process-instruments": (
        lambda: ba.GaussianProcess(
            ba.kernels.DampedRandomWalk(),
            mean=ba.means.KeplerOrbit(period=(1150, 1250)),
            amplitude=False,
        ),
        lambda: ba.load("hd164922"),
        ba.Laplace(**LAPLACE),
    ),
    "process-components": (
        lambda: ba.GaussianProcess(
            ba.kernels.SHO(quality=0.7, name="slow")
            + ba.kernels.Matern32(name="fast"),
            mean=ba.means.Harmonics(period=(0.9, 1.1), n_terms=2),
        ),
        lambda: ba.load("mauna-loa")[-200:],
        ba.Laplace(**LAPLACE),
    ),
    "process-trend": (
        lambda: ba.GaussianProcess(ba.kernels.Matern32(), mean="linear"),
        lambda: ba.load("mauna-loa")[-150:],
        ba.Laplace(**LAPLACE),
    ),
    "MaximumLikelihood": (
        lambda: ba.baselines.MaximumLikelihood(ba.kernels.DampedRandomWalk()), quasar, None,
    ),
    "GaussianProcessRegressor": (lambda: ba.baselines.GaussianProcessRegressor(), quasar, None),
    "RunningMedian": (lambda: ba.baselines.RunningMedian(), quasar, None),
    "structure-function": (lambda: ba.StructureFunction(), quasar, None),
    "blocks": (lambda: ba.BayesianBlocks(), samples.burst, None),
    "blocks-counts": (
        lambda: ba.BayesianBlocks(),
        lambda: ba.Counts(np.repeat([3, 9, 2], [40, 20, 40]), 1.0), None,
    ),
    "ScargleBlocks": (lambda: ba.baselines.ScargleBlocks(), samples.burst, None),
    "structure-function-law": (
        lambda: ba.StructureFunction("power-law"), lambda: samples.wandering(n=60), None,
    ),
    "BinnedStructureFunction": (lambda: ba.baselines.BinnedStructureFunction(), quasar, None),
    "line": (
        lambda: ba.LinearRelation("y", outliers=True), lambda: ba.load("hogg-2010"),
        ba.NUTS(**NUTS),
    ),
    "plane": (
        lambda: ba.LinearRelation("mass"),
        lambda: samples.line(names=("log sigma", "log r", "mass"), n=50),
        ba.NUTS(**NUTS),
    ),
    "line-limits": (lambda: ba.LinearRelation("y", n_components=2), limits, ba.NUTS(**NUTS)),
    "line-selected": (
        lambda: ba.LinearRelation("y", selection=ba.Selection(lower=4.0)),
        lambda: samples.line(n=120)[samples.line(n=120).column("y") > 4.0], ba.NUTS(**NUTS),
    ),
    "LeastSquaresLine": (
        lambda: ba.LinearRelation("y").baseline(), lambda: ba.load("hogg-2010")[4:], None,
    ),
    "RelationRegressor": (
        lambda: ba.baselines.RelationRegressor("y", "huber"), lambda: ba.load("hogg-2010"), None,
    ),
    "relation": (
        lambda: ba.Relation(ba.relations.DistanceModulus("flat-wcdm"), "magnitude", scatter=False),
        lambda: ba.load("pantheon-binned"),
        ba.NUTS(**NUTS),
    ),
    "relation-broken": (
        lambda: ba.Relation(ba.relations.BrokenPowerLaw(), "y", robust=True),
        lambda: samples.curve(n=60), ba.NUTS(**NUTS),
    ),
    "LeastSquaresCurve": (
        lambda: ba.Relation(ba.relations.PowerLaw(2.0), "y").baseline(), samples.curve, None,
    ),
    "mixture": (
        lambda: ba.ExtremeDeconvolution(3, dimensions=("U", "V", "W")),
        lambda: ba.load("hipparcos-nearby")[:800],
        ba.Laplace(draws=400, restarts=2, moves=0),
    ),
    "mixture-plane": (
        lambda: ba.ExtremeDeconvolution((1, 2, 3)), lambda: samples.clusters(n=300, missing=30),
        ba.Laplace(draws=400, restarts=2, moves=0),
    ),
    "GaussianMixture": (
        lambda: ba.baselines.GaussianMixture(2), lambda: samples.clusters(n=300), None,
    ),
    "KernelDensity": (lambda: ba.baselines.KernelDensity(0.4), lambda: samples.clusters(n=300), None),
    "photoz": (lambda: ba.XDPhotoZ(6, n_fits=1), galaxies, None),
    "templates": (templates, galaxies, ba.NUTS(draws=100, tune=100, chains=2)),
    "RandomForest": (lambda: ba.baselines.RandomForest(), galaxies, None),
    "TemplateFit": (lambda: templates().baseline(), galaxies, None),
    "n-of-z": (lambda: ba.PopulationNz(), samples.binned, ba.NUTS(**NUTS)),
    "Stacking": (lambda: ba.baselines.Stacking(), samples.binned, None),
    "rates": (lambda: ba.PoissonRate(), lambda: ba.load("pump-failures"), ba.NUTS(**NUTS)),
    "rates-many": (
        lambda: ba.PoissonRate("log-normal"),
        lambda: samples.counted(n=200, off=3.0, background=0.3, exposure_unit="h"),
        ba.NUTS(**NUTS),
    ),
    "PoissonIntervals": (
        lambda: ba.baselines.PoissonIntervals(), lambda: ba.load("pump-failures"), None,
    ),
    "damping-relation": (lambda: ba.HierarchicalDRW(), samples.damping, ba.NUTS(**NUTS)),
    "spectra": (
        lambda: ba.SpectralFactors(),
        lambda: samples.spectra(n=60, k=3, label=["early", "late"] * 30)[0],
        ba.Gibbs(draws=200, tune=100, chains=2),
    ),
    "two-point": (lambda: ba.TwoPointCorrelation(), samples.pairs, ba.NUTS(**NUTS)),
    "LandySzalay": (lambda: ba.baselines.LandySzalay(), samples.pairs, None),
    "DampingTimeLine": (lambda: ba.HierarchicalDRW().baseline(), samples.damping, None),
}  # fmt: skip


def fitted(name, folder):
    """The fit of a row, opened where it was made before."""
    path = folder / "fits" / f"{name}.nc"
    if not path.exists():
        model, data, sampler = FITS[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        arguments = {} if sampler is None else {"sampler": sampler}
        model().fit(data(), **arguments, seed=1, progress=False).save(path)
    return ba.open(path)


def drawn(name, folder):
    """Draw all figures of a fit: paths by figure and width."""
    model, paths = fitted(name, folder), {}
    (folder / name).mkdir(exist_ok=True)
    for figure in model.figure_names():
        for width in ("page", "column"):
            path = folder / name / f"{figure.replace(' ', '-')}-{width}.png"
            model.plot(figure, width=width).savefig(path, dpi=110)
            paths[figure, width] = path
    return paths


def montage(paths, path):
    """All figures of a fit in rows on one page, page width on the left and column width beside it."""
    images = {key: matplotlib.image.imread(p) for key, p in paths.items()}
    names = list(dict.fromkeys(name for name, _ in images))
    widths = ("page", "column")
    heights = [max(len(images[name, width]) for width in widths) for name in names]
    across = [max(images[name, width].shape[1] for name in names) for width in widths]
    gap = 24
    figure = Figure(figsize=((sum(across) + gap) / 110, (sum(heights) + gap * len(names)) / 110))
    total_x, total_y = sum(across) + gap, sum(heights) + gap * len(names)
    top = total_y
    for name, height in zip(names, heights, strict=True):
        left = 0
        figure.text(0.005, (top - 4) / total_y, name, va="top", fontsize=9, color="red")
        for width, room in zip(widths, across, strict=True):
            image = images[name, width]
            rows, columns = image.shape[:2]
            place = (
                left / total_x,
                (top - gap - rows) / total_y,
                columns / total_x,
                rows / total_y,
            )
            axis = figure.add_axes(place)
            axis.imshow(image, aspect="auto", interpolation="nearest")
            axis.set_axis_off()
            left += room + gap
        top -= height + gap
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", choices=[[], *FITS], metavar="name")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in arguments.names or FITS:
        started = time.process_time()
        try:
            if paths := drawn(name, arguments.folder):
                montage(paths, arguments.folder / f"{name}.png")
        except Exception as error:  # the others are still worth seeing
            failed += 1
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        print(f"{name}: {time.process_time() - started:.1f} s", flush=True)
    return failed > 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
