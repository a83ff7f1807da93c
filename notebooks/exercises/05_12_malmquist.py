# %% [markdown]
# # 5.12 Bright stars are seen farther
#
# **Physics.** Forty stars of one class have known distances. They were found in a
# survey that sees everything brighter than magnitude 9.5, and nothing fainter. Far away
# only the luminous ones of the class make it into the list: Malmquist saw this in 1922.
# (The numbers are simulated.)
#
# **Question.** What is the mean absolute magnitude of the *class*, not of the list?
# Absolute magnitudes of the class are Gaussian with a standard deviation of 0.5 mag;
# errors are negligible, distance moduli known. Take a flat prior for the mean.
#
# **Answer.** The mean absolute magnitude in mag: a pair `(mean, sd)`, or draws as
# `(draw,)` or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

limit = 9.5
# fmt: off
modulus = np.array([
    8.75, 7.6, 8.83, 8.43, 9.43, 8.43, 9.21, 9.63, 9.31, 8.86, 9.43, 9.57, 6.98, 9.28,
    9.02, 9.04, 8.66, 8.02, 8.97, 8.22, 9.11, 8.58, 8.72, 9.22, 8.88, 7.74, 7.93, 8.44,
    9.03, 8.88, 8.44, 8.18, 8.59, 7.61, 9.6, 8.68, 8.62, 9.57, 7.98, 8.82,
])
magnitude = np.array([
    8.92, 9.3, 9.46, 8.77, 9.3, 9.33, 8.99, 9.42, 9.27, 8.66, 9.39, 9.25, 8.23, 9.47,
    9.36, 9.27, 9.29, 8.49, 9.42, 8.76, 9.11, 9.02, 8.62, 9.38, 8.87, 8.24, 8.73, 8.94,
    9.32, 8.85, 8.95, 9.03, 9.22, 8.53, 9.31, 8.99, 9.04, 9.47, 8.25, 9.28,
])
# fmt: on

# %% [markdown] tags=["hint"]
# A star that is in the list has the density of its absolute magnitude, divided by the
# probability that a star at its distance is seen at all: the part of the Gaussian below
# 9.5 - modulus. Multiply over the stars for a grid of the mean.

# %% tags=["solution"]
absolute = magnitude - modulus
mean = np.linspace(-1, 3, 4001)[:, None]
seen = norm.logcdf((limit - modulus - mean) / 0.5)
log_density = np.sum(norm.logpdf(absolute, mean, 0.5) - seen, axis=1)
density = np.exp(log_density - log_density.max())
rng = np.random.default_rng(1)
answer = rng.choice(mean[:, 0], size=4000, p=density / density.sum())

# %%
ba.exercises.check("5.12", answer)

# %% [markdown]
# **To think about.** How many stars of the class are there for each one in the list, at
# the largest distance? What if the limit were not sharp, or the distances came from the
# magnitudes?
