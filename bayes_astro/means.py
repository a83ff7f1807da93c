"""Mean functions of light curves, by the name under which users know them; written in `bayes_astro.processes.means`."""

from bayes_astro.processes.means import *  # noqa: F403
from bayes_astro.processes.means import __all__ as __all__
