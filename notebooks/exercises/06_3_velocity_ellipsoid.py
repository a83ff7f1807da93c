# %% [markdown]
# # 6.3 The velocity ellipsoid behind projections
#
# **Physics.** Hipparcos measured how stars move across the sky, not how they move along
# the line of sight. Of 6000 stars within 100 pc there are two components of velocity
# each, along galactic longitude and latitude, and their covariance; the direction of a
# star says which combination of U, V and W these are. No star's W is known, and yet
# that of all of them is.
#
# **Question.** Describe the velocities (U, V, W) of the stars by one Gaussian. What are
# the mean of W, and the standard deviations of W and U, in km/s? The errors are as
# stated. (With so many stars the prior hardly matters.)
#
# **Answer.** A dictionary `{"mean_w": ..., "sd_w": ..., "sd_u": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

stars = ba.load("hipparcos-nearby")

# %% [markdown] tags=["hint"]
# For a star with the projection R (two rows of three), what is measured is Gaussian
# about R mean, with the covariance R C R^T + its errors. ba.ExtremeDeconvolution(1,
# dimensions=("U", "V", "W")) is this model; ba.Laplace() is quick and good enough here,
# and ba.Prior("InverseWishart", nu=4, scale=...) is the prior. In the posterior
# "covariance" is C, (chain, draw, component, dimension, dimension).

# %% tags=["solution"]
weak = {"covariance": ba.Prior("InverseWishart", nu=4, scale=100 * np.eye(3))}
model = ba.ExtremeDeconvolution(1, dimensions=("U", "V", "W"), priors=weak)
draws = model.fit(stars, ba.Laplace(), seed=1, progress=False).posterior["posterior"]
covariance = draws["covariance"].values[..., 0, :, :]
answer = {
    "mean_w": draws["mean"].values[..., 0, 2],
    "sd_w": covariance[..., 2, 2] ** 0.5,
    "sd_u": covariance[..., 0, 0] ** 0.5,
}

# %%
ba.exercises.check("6.3", answer)

# %% [markdown]
# **To think about.** The Sun's own W, 7.2 km/s upwards, is minus the mean of W. How far
# off is yours, in its error? One Gaussian is a poor description: notebook 03 looks for
# moving groups. Which of the three numbers would you trust least?
