# %% [markdown]
# # 6.1 A velocity dispersion behind unequal errors
#
# **Physics.** The stars of a moving group travel through the Galaxy together, but not with exactly
# the same velocity: their *dispersion* tells how long ago, and how, the group was made. The velocity
# V (along the rotation of the Galaxy) of forty members was measured with errors from 2 to 7 km/s,
# about as large as the dispersion itself. (The numbers are simulated. True velocities and errors
# are Gaussian.)
#
# **Question.** What is the standard deviation of the *true* velocities, and how well is it known?
# Take flat priors: one for the mean velocity, and one for the dispersion above zero.
#
# **Answer.** A number in km/s, a pair `(mean, sd)`, or draws from the posterior, as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

velocity = np.ravel(
    [
        [-23.2, -18.8, -22.2, 3.0, -16.9, -10.8, -25.3, -12.0, -24.7, -21.3],
        [-10.2, -26.4, -21.2, -12.8, -21.4, -15.2, -17.4, -16.9, -26.5, -18.1],
        [-28.8, -19.3, -18.5, -19.0, -18.8, -16.4, -23.5, -15.7, -10.6, -19.5],
        [-3.8, -11.7, -16.1, -2.1, -20.6, -13.0, -12.2, -18.5, -17.0, -21.7],
    ]
)
error = np.ravel(
    [
        [4.5, 3.5, 3.3, 6.9, 3.1, 2.2, 6.3, 2.9, 6.2, 5.6],
        [2.4, 2.5, 4.3, 5.7, 2.6, 2.9, 5.9, 3.6, 6.0, 2.6],
        [6.7, 2.1, 2.8, 2.4, 5.4, 6.5, 2.4, 4.0, 6.4, 2.3],
        [3.7, 4.0, 4.0, 6.6, 6.1, 7.0, 2.2, 4.2, 5.6, 5.4],
    ]
)

# %% [markdown] tags=["hint"]
# What is measured scatters more than the stars do: star i is drawn from a Gaussian of
# variance `s**2 + error[i]**2` about the common mean, where s is the dispersion. Write
# down the logarithm of that likelihood for a grid of s. With a flat prior the mean
# integrates out: at each s it is a weighted mean, with weights `1 / (s**2 + error**2)`,
# as in exercise 5.1, and the integral is proportional to `sum(weights)**-0.5`. What is
# left is a curve over s: normalise it, and draw from it.

# %% tags=["solution"]
s = np.linspace(0, 20, 2001)
weight = 1 / (s[:, None] ** 2 + error**2)
mean = np.sum(weight * velocity, axis=1) / np.sum(weight, axis=1)
chi_square = np.sum(weight * (velocity - mean[:, None]) ** 2, axis=1)
log_density = 0.5 * (np.sum(np.log(weight), axis=1) - chi_square - np.log(np.sum(weight, axis=1)))
probability = np.exp(log_density - log_density.max())
probability /= probability.sum()
answer = np.random.default_rng(1).choice(s, size=4000, p=probability)

# %%
ba.exercises.check("6.1", answer)

# %% [markdown]
# **To think about.** This is extreme deconvolution in its smallest form: one component, one
# dimension. `ba.ExtremeDeconvolution(1).fit(ba.Measurements(velocity[:, None], error[:, None]))`
# does the same with another prior, an inverse Wishart for the variance. How much does the dispersion
# (the square root of `total_covariance`) move, and in which direction? And what would be left of
# this posterior if all errors were 7 km/s?
