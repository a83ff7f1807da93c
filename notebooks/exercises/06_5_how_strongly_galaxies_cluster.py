# %% [markdown]
# # 6.5 How strongly do galaxies cluster?
#
# **Physics.** On the sky galaxies have more neighbours than chance would give them. The
# excess at a separation theta is the angular correlation function w, and is nearly a
# power law. Here are the pairs of galaxies in nine bins, and the pairs of random points
# in the same field. The random points are so many that they have five times as many
# pairs as random points in the number of the galaxies would have. (The numbers are made
# up.)
#
# **Question.** With w = A theta^-0.8, theta in arcminutes, what is A? Pairs are Poisson
# counts, independent of each other. Take a prior that is flat in A > 0.
#
# **Answer.** A: a number, a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

theta = np.array([0.1, 0.1778, 0.3162, 0.5623, 1.0, 1.7783, 3.1623, 5.6234, 10.0])
pairs = np.array([24, 72, 126, 309, 842, 2418, 6424, 18445, 53644])
random_pairs = np.array([40, 119, 357, 1064, 3177, 9485, 28318, 84540, 252383])

# %% [markdown] tags=["hint"]
# A random catalogue would have RR / 5 pairs in a bin; with clustering 1 + w times as many
# are expected: DD ~ Poisson with the mean `RR / 5 * (1 + A * theta**-0.8)`. A grid from
# 0 to 1.5 is enough for one unknown: log probabilities of all nine bins, added.

# %% tags=["solution"]
amplitude = np.linspace(0, 1.5, 3001)
expected = random_pairs / 5 * (1 + amplitude[:, None] * theta**-0.8)
log_density = np.sum(pairs * np.log(expected) - expected, axis=1)
weight = np.exp(log_density - log_density.max())
mean = np.average(amplitude, weights=weight)
answer = mean, np.average((amplitude - mean) ** 2, weights=weight) ** 0.5

# %%
ba.exercises.check("6.5", answer)

# %% [markdown]
# **To think about.** Pairs share galaxies, and so they are not independent: are the true
# errors larger or smaller? `ba.PairCounts.from_positions` has them from the field itself,
# and `ba.TwoPointCorrelation` fits the slope as well (tutorial 17).
