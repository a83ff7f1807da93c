"""Covariance kernels of stationary processes, by the name under which users know them; written in `bayes_astro.processes.kernels`."""

from bayes_astro.processes.kernels import *  # noqa: F403
from bayes_astro.processes.kernels import __all__ as __all__
