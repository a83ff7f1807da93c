"""Densities of redshift in files that other tools read, by the name under which users know them; written in `bayes_astro.photoz.exchange`."""

from bayes_astro.photoz.exchange import *  # noqa: F403
from bayes_astro.photoz.exchange import __all__ as __all__
