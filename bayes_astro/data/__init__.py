"""Data containers, tables and bundled samples."""

from bayes_astro.data.binned_redshifts import BinnedRedshifts as BinnedRedshifts
from bayes_astro.data.columns import DataError as DataError
from bayes_astro.data.datasets import datasets as datasets
from bayes_astro.data.datasets import fetch as fetch
from bayes_astro.data.datasets import load as load
from bayes_astro.data.light_curve import LightCurve as LightCurve
from bayes_astro.data.measurements import Measurements as Measurements
from bayes_astro.data.missing import DataWarning as DataWarning
from bayes_astro.data.photometry import Photometry as Photometry
from bayes_astro.data.samples import describe as describe
