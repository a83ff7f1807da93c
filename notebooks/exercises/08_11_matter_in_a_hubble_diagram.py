# %% [markdown]
# # 8.11 The matter in a Hubble diagram
#
# **Physics.** Supernovae of type Ia, in 40 bins of redshift, with the covariance of the
# errors that bins have in common (Scolnic et al. 2018). In a flat universe the magnitude
# is 5 log10[(1 + z) D(z)] + offset, with D the integral of 1 / E from 0 to z and
# E^2 = omega_m (1 + z)^3 + 1 - omega_m.
#
# **Question.** What is the density of matter omega_m? Take flat priors: of omega_m from 0
# to 1, and of the offset, which nobody wants to know and nobody knows.
#
# **Answer.** The density of matter: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

supernovae = ba.load("pantheon-binned")
z, magnitude = supernovae.column("redshift"), supernovae.column("magnitude")
error = supernovae.error[:, supernovae.index("magnitude")]  # of each bin by itself
systematic = supernovae.point_covariance["magnitude"]  # in common

# %% [markdown] tags=["hint"]
# With C the covariance, r the magnitudes less the curve without its offset, and 1 a vector
# of ones, the offset integrates to
# `-(r' C^-1 r - (1' C^-1 r)^2 / (1' C^-1 1)) / 2` in the logarithm, up to a constant.

# %% tags=["solution"]
precision = np.linalg.inv(np.diag(error**2) + systematic)
ones = np.ones(len(z))
omega = np.linspace(0.001, 0.999, 999)
log_density = []
for one in omega:
    steps = np.linspace(0, 1, 401)[:, None] * z
    distance = np.trapezoid((one * (1 + steps) ** 3 + 1 - one) ** -0.5, steps, axis=0)
    r = magnitude - 5 * np.log10((1 + z) * distance)
    along = ones @ precision @ r
    chi_square = r @ precision @ r - along**2 / (ones @ precision @ ones)
    log_density.append(-0.5 * chi_square)
weight = np.exp(log_density - np.max(log_density))
mean = np.average(omega, weights=weight)
answer = mean, np.average((omega - mean) ** 2, weights=weight) ** 0.5

# %%
ba.exercises.check("8.11", answer)

# %% [markdown]
# **To think about.** How much larger is the error than with the statistical errors alone?
# Which residual would have told that something was missing?
