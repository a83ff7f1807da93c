# %% [markdown]
# # 5.1 Measurements with unequal errors
#
# **Physics.** A single star moves through space with a constant velocity along our line of sight,
# its *systemic velocity*. Two spectrographs measured it: on four nights a good one with errors of
# a few tenths of a km/s, on six nights a poor one with errors up to 3.5 km/s. (The numbers are
# simulated. The errors are Gaussian, and the star has no companion.)
#
# **Question.** What is the systemic velocity, and how well is it known? Take a flat prior.
#
# **Answer.** A number in km/s, a pair `(mean, sd)`, or draws from the posterior, as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

velocity = np.array([33.63, 33.28, 33.82, 33.14, 32.24, 34.88, 37.56, 36.15, 38.34, 34.20])
error = np.array([0.30, 0.40, 0.25, 0.50, 1.20, 2.50, 3.00, 2.00, 3.50, 1.50])

# %% [markdown] tags=["hint"]
# A measurement with half the error carries four times the weight. For Gaussian errors
# and a flat prior the posterior is a Gaussian again: its mean is the mean of the
# velocities weighted by `1 / error**2`, and its variance is `1 / sum(1 / error**2)`.

# %% tags=["solution"]
weight = 1 / error**2
mean = np.sum(weight * velocity) / np.sum(weight)
sd = 1 / np.sqrt(np.sum(weight))
answer = np.random.default_rng(1).normal(mean, sd, size=4000)

# %%
ba.exercises.check("5.1", answer)

# %% [markdown]
# **To think about.** All but one of the six poor nights lie above the good ones. How much do they
# move the answer, and how much would they move the plain mean?
