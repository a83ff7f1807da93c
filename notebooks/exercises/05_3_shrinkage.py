# %% [markdown]
# # 5.3 What a population says of its worst star
#
# **Physics.** A stellar stream is what is left of a cluster that the Galaxy tore apart.
# Nine of its stars have a measured metallicity [Fe/H], with errors from 0.1 to 0.34
# dex. The last star is the faintest: its error is the largest, and its metallicity
# stands out. (The numbers are simulated. Errors are Gaussian, and so are the true
# metallicities of the stream.)
#
# **Question.** What is the *true* metallicity of the last star, and how much do the
# true metallicities scatter (standard deviation, in dex)? Take flat priors: one for the
# mean of the stream, and one for the scatter from 0 to 2 dex.
#
# **Answer.** A dictionary `{"star": ..., "scatter": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

metallicity = np.array([-1.04, -1.38, -1.77, -1.36, -1.48, -1.74, -1.37, -0.97, -0.87])
error = np.array([0.23, 0.18, 0.27, 0.15, 0.17, 0.11, 0.17, 0.24, 0.34])

# %% [markdown] tags=["hint"]
# Write t for the scatter and m for the mean of the stream. Each measurement has the
# variance `t**2 + error**2` about m, so that the posterior of t is the curve of
# exercise 6.1: m integrates out. Given t, m is a Gaussian: the mean weighted with
# `1 / (t**2 + error**2)`. Given t and m, the last star is a Gaussian too: its own
# measurement and the stream, weighted with `1 / error**2` and `1 / t**2`. Draw in this
# order.

# %% tags=["solution"]
rng = np.random.default_rng(1)
t = np.linspace(0, 2, 4001)[1:]
weight = 1 / (t[:, None] ** 2 + error**2)
total = weight.sum(axis=1)
middle = (weight @ metallicity) / total
square = weight @ metallicity**2 - total * middle**2
log_density = 0.5 * (np.log(weight).sum(axis=1) - square - np.log(total))
density = np.exp(log_density - log_density.max())
i = rng.choice(len(t), size=4000, p=density / density.sum())
mean = rng.normal(middle[i], total[i] ** -0.5)
own, stream = error[-1] ** -2.0, t[i] ** -2.0
star = (own * metallicity[-1] + stream * mean) / (own + stream)
star += rng.normal(size=4000) / np.sqrt(own + stream)
answer = {"star": star, "scatter": t[i]}

# %%
ba.exercises.check("5.3", answer)

# %% [markdown]
# **To think about.** By how much was the star drawn towards the others, in its own
# error? In the simulation 0.35 dex were added to its measurement by hand. Should one
# have thrown it out? And would the eight others' true metallicities move as much?
