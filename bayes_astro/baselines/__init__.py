"""The frequentist counterpart of each task, with the same verbs."""

from bayes_astro.baselines.blocks import ScargleBlocks
from bayes_astro.baselines.classes import Classifier
from bayes_astro.baselines.damping_relation import DampingTimeLine
from bayes_astro.baselines.density import GaussianMixture, KernelDensity
from bayes_astro.baselines.gaussian_process import MaximumLikelihood
from bayes_astro.baselines.linear_relation import LeastSquaresLine
from bayes_astro.baselines.membership import (
    ClusterDBSCAN,
    ClusterGaussianMixture,
    ClusterHDBSCAN,
    ClusterKMeans,
)
from bayes_astro.baselines.n_of_z import Stacking
from bayes_astro.baselines.periodogram import LombScargle
from bayes_astro.baselines.photoz import NearestNeighbours, Polynomial, RandomForest, Regressor
from bayes_astro.baselines.poisson_rate import PoissonIntervals
from bayes_astro.baselines.relation import LeastSquaresCurve
from bayes_astro.baselines.relation_regressor import RelationRegressor
from bayes_astro.baselines.smoothers import (
    GaussianProcessRegressor,
    RunningMedian,
)
from bayes_astro.baselines.spectra import SpectralComponents
from bayes_astro.baselines.structure_function import (
    BinnedStructureFunction,
)
from bayes_astro.baselines.templates import TemplateFit
from bayes_astro.baselines.two_point import LandySzalay

__all__ = [
    "BinnedStructureFunction",
    "Classifier",
    "ClusterDBSCAN",
    "ClusterGaussianMixture",
    "ClusterHDBSCAN",
    "ClusterKMeans",
    "DampingTimeLine",
    "GaussianMixture",
    "GaussianProcessRegressor",
    "KernelDensity",
    "LandySzalay",
    "LeastSquaresCurve",
    "LeastSquaresLine",
    "LombScargle",
    "MaximumLikelihood",
    "NearestNeighbours",
    "PoissonIntervals",
    "Polynomial",
    "RandomForest",
    "Regressor",
    "RelationRegressor",
    "RunningMedian",
    "ScargleBlocks",
    "SpectralComponents",
    "Stacking",
    "TemplateFit",
]
