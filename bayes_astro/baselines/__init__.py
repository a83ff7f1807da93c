"""The frequentist counterpart of each task, with the same verbs."""

from bayes_astro.baselines.damping_relation import DampingTimeLine as DampingTimeLine
from bayes_astro.baselines.density import GaussianMixture as GaussianMixture
from bayes_astro.baselines.density import KernelDensity as KernelDensity
from bayes_astro.baselines.gaussian_process import MaximumLikelihood as MaximumLikelihood
from bayes_astro.baselines.linear_relation import LeastSquaresLine as LeastSquaresLine
from bayes_astro.baselines.n_of_z import Stacking as Stacking
from bayes_astro.baselines.periodogram import LombScargle as LombScargle
from bayes_astro.baselines.photoz import NearestNeighbours as NearestNeighbours
from bayes_astro.baselines.photoz import Polynomial as Polynomial
from bayes_astro.baselines.photoz import RandomForest as RandomForest
from bayes_astro.baselines.photoz import Regressor as Regressor
from bayes_astro.baselines.poisson_rate import PoissonIntervals as PoissonIntervals
from bayes_astro.baselines.smoothers import (
    GaussianProcessRegressor as GaussianProcessRegressor,
)
from bayes_astro.baselines.smoothers import RunningMedian as RunningMedian
from bayes_astro.baselines.structure_function import (
    BinnedStructureFunction as BinnedStructureFunction,
)
from bayes_astro.baselines.templates import TemplateFit as TemplateFit
