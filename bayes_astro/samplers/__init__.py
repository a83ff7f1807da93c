"""Samplers: small frozen settings, each with one verb, ``sample``."""

from bayes_astro.samplers.base import Sampler as Sampler
from bayes_astro.samplers.base import chosen as chosen
from bayes_astro.samplers.emcee import Emcee as Emcee
from bayes_astro.samplers.exact import Exact as Exact
from bayes_astro.samplers.gibbs import Gibbs as Gibbs
from bayes_astro.samplers.maximum import MAP as MAP
from bayes_astro.samplers.maximum import Laplace as Laplace
from bayes_astro.samplers.nuts import NUTS as NUTS
from bayes_astro.samplers.pooled import sampled as sampled
