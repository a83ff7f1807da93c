# %% [markdown]
# # 9.2 A template fit whose amplitude is unknown
#
# **Physics.** A distant galaxy was seen in the bands g, r, i and z; in g it is lost in the noise, where
# the sky was subtracted a little too well. There are two templates, an old red galaxy and a blue one that
# forms stars: the fluxes that a galaxy with the luminosity of the Milky Way would have at thirteen
# redshifts, in the unit of the measured fluxes. The luminosity of ours, in units of the Milky Way's, is
# an amplitude that multiplies its template. (The numbers are simulated. Errors are Gaussian, and known.)
#
# **Question.** What is the redshift, and how well is it known? Take equal prior probabilities of the
# thirteen redshifts and of the two templates, and a flat prior for the amplitude above zero.
#
# **Answer.** The redshift: a number, a pair `(mean, sd)`, or draws from the posterior, as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

flux = np.array([-0.05, 1.91, 2.06, 1.65])
error = np.array([0.43, 0.43, 0.54, 0.76])
redshift = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3])
# fmt: off
red = np.array([
    [25.9, 38.1, 46.7, 55.3], [3.47, 7.98, 9.81, 11.6], [0.646, 2.97, 3.71, 4.40],
    [0.191, 1.33, 1.80, 2.13], [0.0862, 0.575, 1.00, 1.19], [0.0487, 0.213, 0.601, 0.726],
    [0.0308, 0.0809, 0.368, 0.472], [0.0208, 0.0381, 0.213, 0.321],
    [0.0147, 0.0223, 0.108, 0.224], [0.0107, 0.0149, 0.0504, 0.156],
    [0.00803, 0.0108, 0.0248, 0.104], [0.00615, 0.00809, 0.0141, 0.0632],
    [0.00479, 0.00625, 0.00925, 0.0349],
])
blue = np.array([
    [34.2, 33.1, 31.1, 29.6], [7.14, 7.77, 7.32, 6.96], [2.66, 3.25, 3.07, 2.92],
    [1.35, 1.69, 1.64, 1.56], [0.811, 0.956, 1.00, 0.952], [0.536, 0.569, 0.660, 0.632],
    [0.377, 0.370, 0.456, 0.445], [0.277, 0.263, 0.319, 0.327], [0.211, 0.197, 0.223, 0.247],
    [0.164, 0.153, 0.160, 0.190], [0.131, 0.122, 0.121, 0.146],
    [0.107, 0.0991, 0.0955, 0.112], [0.0883, 0.0818, 0.0779, 0.0854],
])
# fmt: on

# %% [markdown] tags=["hint"]
# For one template at one redshift, with fluxes F, chi squared is a parabola in the
# amplitude a: `constant - 2 a OT + a**2 TT`, where `OT = sum(flux * F / error**2)` and
# `TT = sum(F**2 / error**2)`. The integral of exp(-chi_squared / 2) over a > 0 is
# therefore proportional to `TT**-0.5 * exp(x**2 / 2) * Phi(x)`, with `x = OT / TT**0.5`
# and Phi the distribution function of a standard normal. Sum it over the templates, and
# normalise over the redshifts. Or integrate on a grid of a. A negative flux is a
# measurement like any other.

# %% tags=["solution"]
template = np.array([red, blue])
tt = np.sum(template**2 / error**2, axis=-1)
ot = np.sum(template * flux / error**2, axis=-1)
x = ot / np.sqrt(tt)
likelihood = np.exp(x**2 / 2) * norm.cdf(x) / np.sqrt(tt)
probability = likelihood.sum(axis=0) / likelihood.sum()
answer = np.random.default_rng(1).choice(redshift, size=4000, p=probability)

# %%
ba.exercises.check("9.2", answer)

# %% [markdown]
# **To think about.** The factor `TT**-0.5` is the width of the amplitude's posterior.
# Why does it grow with redshift, and what did a flat prior for the luminosity just say
# about faint and luminous galaxies? With a prior flat in the logarithm of the
# amplitude, from a thousandth to a thousand, the factor all but disappears: how far
# does the redshift move? `ba.TemplatePhotoZ` states a prior for type and redshift at
# given magnitude instead, and infers its parameters.
