# %% [markdown]
# # 9.3 How many quasars are in the list?
#
# **Physics.** A quasar is bluer than most stars: its colour u - g is Gaussian about
# 0.15 with a standard deviation of 0.15, that of a star about 0.95 with 0.25. Sixty
# faint sources have colours with errors from 0.05 to 0.35 mag. In this field 8 % of the
# sources are quasars. Whoever trained a classifier took as many quasars as stars. (The
# numbers are simulated.)
#
# **Question.** How many of the sixty are quasars? Give the mean and the standard
# deviation of that number. The base rate, 8 %, and both densities are known.
#
# **Answer.** The number of quasars: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

base_rate = 0.08
# fmt: off
colour = np.array([
    0.28, 0.48, 1.38, 1.51, 1.75, -0.01, 0.8, 0.66, 1.06, 0.13, 1.29, 1.1, 0.91, 0.57,
    1.17, 1.25, 0.99, 1.0, 0.57, 0.17, 0.74, 0.11, 0.66, 1.06, 1.51, 0.97, 0.97, 0.99,
    0.49, 1.08, 0.91, 0.89, 0.8, 1.73, 0.74, 1.17, 1.13, 0.58, 1.4, 0.84, 0.28, 0.09,
    -0.05, 0.93, 0.06, 1.23, 0.78, 0.64, -0.25, 1.32, 0.12, 1.15, 1.35, 1.4, 1.44, 0.53,
    1.47, 0.7, 0.35, 1.08,
])
error = np.array([
    0.26, 0.24, 0.11, 0.28, 0.31, 0.08, 0.18, 0.22, 0.17, 0.08, 0.1, 0.13, 0.14, 0.08,
    0.07, 0.18, 0.33, 0.26, 0.23, 0.18, 0.1, 0.17, 0.32, 0.1, 0.16, 0.21, 0.08, 0.28,
    0.22, 0.2, 0.08, 0.23, 0.17, 0.31, 0.05, 0.18, 0.31, 0.29, 0.1, 0.21, 0.27, 0.3,
    0.18, 0.3, 0.25, 0.21, 0.32, 0.09, 0.29, 0.23, 0.1, 0.22, 0.11, 0.28, 0.26, 0.29,
    0.31, 0.1, 0.16, 0.06,
])
# fmt: on

# %% [markdown] tags=["hint"]
# A source's measured colour is Gaussian about the class's mean, with the variance of
# the class plus `error**2`. Bayes: its probability to be a quasar is 0.08 times one
# density, divided by that plus 0.92 times the other. The number is a sum of sixty that
# are each one or zero, with these probabilities.

# %% tags=["solution"]
quasar = base_rate * norm.pdf(colour, 0.15, np.sqrt(0.15**2 + error**2))
star = (1 - base_rate) * norm.pdf(colour, 0.95, np.sqrt(0.25**2 + error**2))
probability = quasar / (quasar + star)
rng = np.random.default_rng(1)
answer = (rng.uniform(size=(4000, 60)) < probability).sum(axis=1)

# %%
ba.exercises.check("9.3", answer)

# %% [markdown]
# **To think about.** In the simulation it is known which they are: would a list of
# those above one half be complete, and pure? The base rate is known here: what if it
# had to come from the sixty colours?
