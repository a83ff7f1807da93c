# %% [markdown]
# # 5.6 Where is the lighthouse?
#
# **Physics.** A lighthouse at sea turns steadily and sends flashes in all directions.
# Where they hit the straight coast twelve of them were recorded. The places follow a
# Cauchy distribution: its middle is the point of the coast nearest to the lighthouse,
# its scale the distance from the coast. Lines broadened by collisions have this shape
# too. (Simulated; the problem is Gull's of 1988.)
#
# **Question.** Where along the coast is the lighthouse, and how well is that known? Its
# distance is unknown: take a prior that is flat in the logarithm of the distance from
# 0.05 to 50 km, and a flat one for the place.
#
# **Answer.** The place in km: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
flash = np.array([
    -0.64, 4.03, 2.25, 2.35, -8.67, 1.19, 1.98, 0.89, 3.54, 2.41, 3.5, 2.17,
])
# fmt: on

# %% [markdown] tags=["hint"]
# The density of one flash at x is `distance / (distance**2 + (x - place)**2)`, up to a
# factor. Multiply the twelve on a grid of place (columns) and of the logarithm of the
# distance (rows), and sum over the rows.

# %% tags=["solution"]
place = np.linspace(-15, 25, 4001)
distance = np.exp(np.linspace(np.log(0.05), np.log(50), 300))[:, None]
log_density = np.zeros((300, 4001))
for x in flash:
    log_density += np.log(distance / (distance**2 + (x - place) ** 2))
density = np.exp(log_density - log_density.max()).sum(axis=0)
answer = np.random.default_rng(1).choice(place, size=4000, p=density / density.sum())

# %%
ba.exercises.check("5.6", answer)

# %% [markdown]
# **To think about.** Add flashes: does the mean settle? How does the width of the
# posterior fall with their number? A clipped mean comes close here: what does it need
# to know that the posterior does not?
