# %% [markdown]
# # 5.8 A line on a background, photon by photon
#
# **Physics.** An X-ray detector recorded 80 photons between 5 and 9 keV. Some come from
# an emission line whose width is that of the detector, a Gaussian with a standard
# deviation of 0.15 keV; the others from a background that is flat over the range. (The
# numbers are simulated.)
#
# **Question.** Which fraction of the photons comes from the line, and at which energy
# (in keV) is it? Take flat priors, for the fraction from 0 to 1 and for the energy of
# the line from 5 to 9 keV.
#
# **Answer.** A dictionary `{"fraction": ..., "centre": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
energy = np.array([
    7.35, 5.04, 6.7, 6.48, 6.29, 6.43, 7.67, 6.65, 6.15, 8.49, 7.31, 6.2, 5.28, 7.51,
    8.86, 8.89, 8.67, 5.71, 7.04, 6.7, 7.56, 6.91, 6.13, 6.46, 6.7, 5.95, 6.62, 7.29,
    6.54, 7.8, 6.29, 6.67, 7.78, 8.91, 8.95, 5.83, 6.38, 6.78, 6.72, 7.78, 6.47, 5.95,
    6.66, 8.26, 6.05, 6.21, 7.28, 5.71, 6.17, 6.68, 7.22, 7.26, 6.1, 6.54, 6.67, 8.95,
    7.33, 6.41, 7.28, 7.12, 6.68, 6.58, 5.43, 8.31, 6.46, 8.88, 8.65, 6.57, 8.64, 5.72,
    6.71, 8.61, 7.18, 8.81, 7.7, 5.27, 8.18, 6.5, 6.57, 6.82,
])
# fmt: on

# %% [markdown] tags=["hint"]
# One photon has the density fraction * gaussian(energy - centre) + (1 - fraction) / 4,
# whichever it is. Add the logarithms of the eighty on a grid of fraction and centre. No
# bins are needed. Draw cells of the grid.

# %% tags=["solution"]
fraction = np.linspace(0, 1, 301)[:, None]
centre = np.linspace(5, 9, 1601)
log_density = np.zeros((301, 1601))
for one in energy:
    line = np.exp(-0.5 * ((one - centre) / 0.15) ** 2) / (0.15 * np.sqrt(2 * np.pi))
    log_density += np.log(fraction * line + (1 - fraction) / 4 + 1e-300)
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
row, column = np.unravel_index(cell, (301, 1601))
answer = {"fraction": fraction[row, 0], "centre": centre[column]}

# %%
ba.exercises.check("5.8", answer)

# %% [markdown]
# **To think about.** How sure is it that there is a line at all? Compare the posterior
# at a fraction of zero with its prior there (the Savage-Dickey ratio). What happens to
# the energy of the line when there is none?
