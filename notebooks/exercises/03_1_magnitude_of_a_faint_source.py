# %% [markdown]
# # 3.1 The magnitude of a faint source
#
# **Physics.** A faint source was measured in twelve exposures, each with a
# signal-to-noise ratio of about one. Two of the fluxes are negative: the sky was
# subtracted a little too well. A negative flux has no magnitude. (The numbers are
# simulated. Errors are Gaussian in flux.)
#
# **Question.** What is the magnitude of the source, 25 - 2.5 log10(flux)? It is
# constant; take a prior that is flat in flux, above zero.
#
# **Answer.** The magnitude: a number, a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

flux = np.array([0.6, 2.1, 2.1, -0.6, 2.3, 1.0, 1.3, 1.0, 0.8, 1.6, 1.6, -1.0])
error = np.array([1.5, 0.9, 1.3, 1.2, 1.3, 0.8, 0.8, 0.9, 1.6, 1.0, 1.3, 1.6])

# %% [markdown] tags=["hint"]
# The likelihood of the flux is Gaussian: the weighted mean, as in exercise 5.1, of all
# twelve. Draw fluxes from it, keep those above zero, and turn each draw into a
# magnitude.

# %% tags=["solution"]
weight = 1 / error**2
mean, sd = np.sum(weight * flux) / np.sum(weight), np.sum(weight) ** -0.5
draws = np.random.default_rng(1).normal(mean, sd, size=4000)
answer = 25 - 2.5 * np.log10(draws[draws > 0])

# %%
ba.exercises.check("3.1", answer)

# %% [markdown]
# **To think about.** With the prior flat in flux the mean magnitude is fainter than the
# magnitude of the mean flux: why? What would you write into a catalogue whose users
# have to average again?
