# %% [markdown]
# # 9.1 A population behind its interim prior
#
# **Physics.** Some code gave, for each of sixty galaxies, the probability that it lies beyond redshift
# one, from its magnitudes. The code was trained on a survey in which a quarter of the galaxies do:
# that is its *interim prior*, and each of its probabilities is right for a galaxy picked at random from
# *that* survey. Ours goes deeper. (The numbers are simulated. The galaxies are independent, and those
# at a given redshift look the same in both surveys.)
#
# **Question.** Which fraction of the population that these sixty come from lies beyond redshift one,
# and how well is it known? Take a flat prior for the fraction, from 0 to 1.
#
# **Answer.** The fraction: a number, a pair `(mean, sd)`, or draws from the posterior, as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

interim_prior = 0.25
# fmt: off
probability = np.array([
    0.30, 0.08, 0.30, 0.41, 0.02, 0.97, 0.06, 0.28, 0.21, 0.08, 0.22, 0.10,
    0.32, 0.28, 0.25, 0.05, 0.76, 0.78, 0.05, 0.63, 0.30, 0.18, 0.44, 0.17,
    0.01, 0.15, 0.82, 0.31, 0.90, 0.91, 0.05, 0.41, 0.19, 0.54, 0.09, 0.41,
    0.11, 0.40, 0.05, 0.03, 0.55, 0.08, 0.31, 0.19, 0.34, 0.15, 0.19, 0.09,
    0.67, 0.85, 0.66, 0.21, 0.63, 0.13, 0.25, 0.63, 0.12, 0.30, 0.93, 0.43,
])
# fmt: on

# %% [markdown] tags=["hint"]
# Bayes' theorem, read backwards: a probability is a likelihood times a prior, so that the likelihoods of
# "far" and "near" are, up to a common factor, probability / interim_prior and
# (1 - probability) / (1 - interim_prior). In a population with a fraction f of far galaxies, the data of
# one galaxy have the likelihood f * far + (1 - f) * near, whichever it is. Multiply these over the
# galaxies for a grid of f, and normalise.

# %% tags=["solution"]
fraction = np.linspace(0, 1, 1001)
far = probability / interim_prior
near = (1 - probability) / (1 - interim_prior)
log_density = np.log(fraction[:, None] * far + (1 - fraction[:, None]) * near).sum(axis=1)
density = np.exp(log_density - log_density.max())
answer = np.random.default_rng(1).choice(fraction, size=4000, p=density / density.sum())

# %%
ba.exercises.check("9.1", answer)

# %% [markdown]
# **To think about.** The mean of the probabilities, what is called stacking, is 0.34 with a standard
# error of 0.035. In the simulation 29 of the sixty galaxies are far. How far off is the one in its error,
# and the other? Give each galaxy its probability anew, with your fraction in the place of the interim
# prior: how many are then more likely far than near? `ba.PopulationNz` does the same with many bins.
