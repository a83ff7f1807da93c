# %% [markdown]
# # 7.2 The flux in a gap
#
# **Physics.** Galaxies of one kind have spectra that are a mean and two components in
# proportions of their own: `flux = mean + z1 * first + z2 * second`. Over many galaxies z1
# and z2 are standard normal, independent of each other. One galaxy was measured in 22 of
# 30 pixels, with an error for each; its line, in pixels 13 to 20, is in a gap. (The
# numbers are simulated; a missing pixel is nan.)
#
# **Question.** What is the flux without noise in pixel 16, in the middle of the line?
#
# **Answer.** The flux at pixel 16: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
x = np.linspace(0, 1, 30)
line = np.exp(-0.5 * ((x - 0.55) / 0.06) ** 2)
mean = 2 - 0.6 * x
first = 0.7 * (0.5 - x) + 0.8 * line
second = 0.5 * line - 0.3 * np.exp(-0.5 * ((x - 0.2) / 0.06) ** 2)
flux = np.array([
    1.54, 1.87, 1.65, 1.88, 2.18, 1.92, 1.11, 2.18, 0.89, 1.49, 1.68, 1.7, 1.28,
    np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 2.07, 0.88, 1.2,
    2.18, 1.7, 1.67, 1.69, 2.16, 2.31,
])
error = np.array([
    0.17, 0.59, 0.5, 0.19, 0.51, 0.51, 0.52, 0.26, 0.57, 0.27, 0.18, 0.27, 0.43, 0.46,
    0.46, 0.24, 0.58, 0.59, 0.32, 0.52, 0.58, 0.42, 0.4, 0.57, 0.43, 0.2, 0.18, 0.2,
    0.35, 0.33,
])
# fmt: on

# %% [markdown] tags=["hint"]
# The measured pixels are a linear fit of z1 and z2 in which each has one more datum: its
# prior says 0 with an error of 1. With the shapes as rows of a matrix, divided by the errors
# of the measured pixels, the covariance of z is the inverse of `matrix @ matrix.T +
# np.eye(2)`. The flux in the gap is linear in z: its variance is `shape @ covariance @
# shape` with the two shapes at that pixel. `ba.SpectralFactors` does this for every spectrum
# and also learns the components.

# %% tags=["solution"]
seen = np.isfinite(flux)
shapes = np.array([first, second])
matrix = shapes[:, seen] / error[seen]
covariance = np.linalg.inv(matrix @ matrix.T + np.eye(2))
z = covariance @ matrix @ ((flux - mean)[seen] / error[seen])
there = shapes[:, 16]
answer = mean[16] + there @ z, (there @ covariance @ there) ** 0.5

# %%
ba.exercises.check("7.2", answer)

# %% [markdown]
# **To think about.** Where would a second gap hurt most: in the slope, or in the feature
# at 0.2? What changes if mean and components are not known, but learned from a hundred
# galaxies with gaps of their own (tutorial 18)?
