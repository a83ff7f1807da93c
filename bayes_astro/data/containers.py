"""The containers in one place."""

from bayes_astro.data.binned_redshifts import BinnedRedshifts
from bayes_astro.data.columns import DataError
from bayes_astro.data.light_curve import LightCurve
from bayes_astro.data.measurements import Measurements
from bayes_astro.data.photometry import Photometry

__all__ = ["BinnedRedshifts", "DataError", "LightCurve", "Measurements", "Photometry"]
