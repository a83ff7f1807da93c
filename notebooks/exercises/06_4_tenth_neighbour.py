# %% [markdown]
# # 6.4 The density from the tenth neighbour
#
# **Physics.** How crowded is it about a galaxy? A quick answer is the distance to its
# tenth neighbour on the sky: here 4.2 Mpc. The nearest neighbour is at 1.9 Mpc. (The
# numbers are made up.)
#
# **Question.** What is the density of galaxies on the sky, per square Mpc? Galaxies are
# spread at random, evenly. Take a prior that is flat in the logarithm of the density.
#
# **Answer.** The density in galaxies per square Mpc: a number, a pair `(mean, sd)`, or
# draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

neighbour = 10
radius = 4.2

# %% [markdown] tags=["hint"]
# That the tenth is at r says: nine within the circle, one on its rim. Both together
# have the probability density `density**10 * exp(-density * area)`, with the area
# `pi r**2`, up to what does not depend on the density. With the prior 1 / density that
# is a Gamma distribution. As a function of the density it is that of ten counts in the
# area: ba.PoissonRate takes it, with a Gamma prior whose alpha and beta are tiny.

# %% tags=["solution"]
data = ba.Counts([neighbour], [np.pi * radius**2])
flat = ba.Prior("Gamma", alpha=1e-6, beta=1e-6)
model = ba.PoissonRate("independent", priors={"rate": flat})
answer = model.fit(data, seed=1, progress=False).posterior["posterior"]["rate"].values

# %%
ba.exercises.check("6.4", answer)

# %% [markdown]
# **To think about.** By how much does the answer change with a flat prior for the
# density? What does the distance to the tenth neighbour tell in a cluster, where
# galaxies are not spread evenly?
