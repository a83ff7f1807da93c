# %% [markdown]
# # 5.4 A distance from a poor parallax
#
# **Physics.** A parallax of 2.3 mas means a distance of 1 / 2.3 = 0.43 kpc; but this
# one is uncertain by 0.9 mas, two fifths of its value. A star that is truly far has
# been measured near more often than the other way round, since there are more stars far
# away. (The numbers are made up. Bailer-Jones 2015, PASP 127, 994, treats the problem.)
#
# **Question.** How far is the star? Its measured parallax is Gaussian about 1 /
# distance (mas and kpc). Before it was measured the star could be anywhere in a volume
# whose density of stars falls as exp(-distance / 0.5 kpc): the prior of the distance is
# `distance**2 * exp(-distance / 0.5)`.
#
# **Answer.** The distance in kpc: a number, a pair `(mean, sd)`, or draws as `(draw,)`
# or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

parallax = 2.3
error = 0.9
scale = 0.5

# %% [markdown] tags=["hint"]
# Write prior times likelihood for a grid of distances, not of parallaxes:
# `distance**2 * exp(-distance / 0.5)` times
# `exp(-0.5 * ((parallax - 1 / distance) / error)**2)`. Go as far as 10 kpc. Normalise,
# and draw.

# %% tags=["solution"]
distance = np.linspace(0.001, 10, 10_000)
density = distance**2 * np.exp(-distance / scale)
density *= np.exp(-0.5 * ((parallax - 1 / distance) / error) ** 2)
rng = np.random.default_rng(1)
answer = rng.choice(distance, size=4000, p=density / density.sum())

# %%
ba.exercises.check("5.4", answer)

# %% [markdown]
# **To think about.** What would be left of the posterior with a parallax of -0.3 mas?
# Is a negative parallax a measurement? And what if the same star had the error 0.1 mas:
# how much would the prior still move the answer?
