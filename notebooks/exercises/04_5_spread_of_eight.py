# %% [markdown]
# # 4.5 The spread of eight velocities
#
# **Physics.** Eight stars of a faint dwarf galaxy have measured velocities, whose
# errors are negligible. From their spread follows the mass of the galaxy: a factor of
# four hangs on a factor of two. (The numbers are simulated.)
#
# **Question.** What is the velocity dispersion, the standard deviation of the Gaussian
# that the stars come from? Take a flat prior for the mean, and one that is flat in the
# logarithm of the dispersion.
#
# **Answer.** The dispersion in km/s: a number, a pair `(mean, sd)`, or draws as
# `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

velocity = np.array([7.9, 6.4, 13.2, 19.6, 10.7, 14.4, 16.8, 18.2])

# %% [markdown] tags=["hint"]
# With the mean integrated out, the likelihood is proportional to
# `s**-7 * exp(-square / (2 s**2))`, where square is the sum of the squared distances
# from the mean. With this prior, `square / s**2` follows a chi-square distribution with
# seven degrees of freedom: draw from that, and solve for s.

# %% tags=["solution"]
square = np.sum((velocity - velocity.mean()) ** 2)
chi_square = np.random.default_rng(1).chisquare(7, size=4000)
answer = np.sqrt(square / chi_square)

# %%
ba.exercises.check("4.5", answer)

# %% [markdown]
# **To think about.** The mass goes with the square of the dispersion: what is its
# posterior? How many stars would be needed until bootstrap and posterior agree to ten
# per cent?
