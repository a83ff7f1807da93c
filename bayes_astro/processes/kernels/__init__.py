"""Covariance kernels of stationary processes, `ba.kernels`.

A kernel writes its blocks (see `processes.blocks`); sums, products, covariance, power spectrum,
naming and priors are the base's. Each parameter of a kernel is None (free, with a default prior
scaled from the data), a `Prior`, or a number or Quantity, which fixes it.

>>> import bayes_astro as ba
>>> kernel = ba.kernels.SHO(quality=0.7) + ba.kernels.DampedRandomWalk()
>>> [name for name, _ in kernel.variables()]
['sho_sigma', 'period', 'quality', 'damped_random_walk_sigma', 'tau']
"""

from bayes_astro.processes.kernels.base import Kernel, Product, Sum
from bayes_astro.processes.kernels.carma import CARMA
from bayes_astro.processes.kernels.decays import (
    Cosine,
    DampedCosine,
    DampedRandomWalk,
    Matern32,
    Matern52,
)
from bayes_astro.processes.kernels.exposure import ExposureIntegrated
from bayes_astro.processes.kernels.oscillators import SHO, QuasiPeriodic, Rotation
from bayes_astro.processes.kernels.scales import Scales
from bayes_astro.processes.kernels.tables import from_dict as from_dict

__all__ = [
    "CARMA",
    "SHO",
    "Cosine",
    "DampedCosine",
    "DampedRandomWalk",
    "ExposureIntegrated",
    "Kernel",
    "Matern32",
    "Matern52",
    "Product",
    "QuasiPeriodic",
    "Rotation",
    "Scales",
    "Sum",
]
