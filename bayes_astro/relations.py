"""Mean functions of relations, by the name under which users know them; written in `bayes_astro.regression`."""

from bayes_astro.regression.curves import BrokenPowerLaw as BrokenPowerLaw
from bayes_astro.regression.curves import Polynomial as Polynomial
from bayes_astro.regression.curves import PowerLaw as PowerLaw
from bayes_astro.regression.distances import DistanceModulus as DistanceModulus

__all__ = ["BrokenPowerLaw", "DistanceModulus", "Polynomial", "PowerLaw"]
