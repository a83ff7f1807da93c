# %% [markdown]
# # 7.4 Epochs of a quasar
#
# **Physics.** A quasar was observed at ten epochs, in fifteen pixels about its line
# H-beta at 4861 Angstrom. Every epoch is the same mean spectrum plus two components: the
# continuum, which brightens and takes the line with it, and the line alone, which also
# varies by itself. Their coefficients are standard normal at each epoch. The pipeline
# gives an error for each epoch; in pixel 12, where the sky has a line, it is three times
# as large. At epoch 6 (counted from 0) the whole line, pixels 5 to 9, was lost. (The
# numbers are simulated; a missing pixel is nan.)
#
# **Question.** What was the flux without noise of epoch 6 in pixel 7, the peak of the
# line? Nothing is known of the mean spectrum: the prior of each of its pixels is flat.
#
# **Answer.** The flux at pixel 7 of epoch 6: a pair `(mean, sd)`, or draws as `(draw,)`
# or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
wavelength = np.linspace(4500, 5220, 15)
line = np.exp(-0.5 * ((wavelength - 4861) / 90) ** 2)
shapes = np.array([0.5 * (wavelength / 4861) ** -1.5 + 0.6 * line, 0.25 * line])
worse = np.where(np.arange(15) == 12, 3.0, 1.0)  # times the error of the epoch
flux = np.array([
    [1.14, 0.93, 1.03, 0.98, 1.33, 1.38, 1.51, 1.77, 1.46, 1.3, 1.11, 0.97, 1.07,
     1.02, 1.07],
    [1.76, 1.79, 1.72, 1.88, 1.93, 2.26, 2.62, 2.85, 2.68, 2.2, 1.86, 1.68, 1.39,
     1.65, 1.47],
    [1.35, 1.08, 1.21, 1.15, 1.22, 0.8, 1.2, 1.29, 1.57, 1.29, 1.32, 1.1, 1.86, 0.88,
     1.24],
    [1.42, 1.44, 1.28, 1.43, 1.42, 1.68, 1.99, 1.97, 1.99, 1.78, 1.39, 1.36, 1.74,
     1.25, 1.26],
    [2.74, 2.68, 2.68, 2.54, 3.09, 3.59, 4.03, 4.64, 4.21, 3.47, 2.69, 2.55, 2.98,
     2.28, 2.18],
    [1.43, 1.41, 1.51, 1.55, 1.55, 1.68, 1.98, 2.04, 2.06, 1.87, 1.53, 1.43, 1.15,
     1.33, 1.14],
    [2.68, 3.29, 2.95, 2.91, 3.09, np.nan, np.nan, np.nan, np.nan, np.nan, 3.48, 2.46,
     3.12, 2.55, 2.54],
    [2.15, 2.15, 2.3, 2.03, 2.41, 2.47, 2.81, 3.34, 2.86, 2.45, 2.19, 2.04, 2.12,
     1.91, 1.75],
    [2.12, 2.05, 2.23, 2, 2, 2.38, 2.9, 3.19, 2.97, 2.42, 2.11, 1.91, 1.51, 1.83,
     1.57],
    [1.39, 1.62, 1.38, 1.59, 1.48, 1.88, 1.8, 2.44, 2.37, 1.89, 1.63, 1.64, 1.37,
     1.63, 1.72],
])
error = np.array([
    0.1, 0.07, 0.15, 0.09, 0.14, 0.09, 0.25, 0.08, 0.15, 0.2,
])
# fmt: on

# %% [markdown] tags=["hint"]
# All that is unknown, fifteen pixels of the mean and two coefficients for each of ten
# epochs, is linear: 35 numbers. One row of a matrix for each measured pixel: 1 in the
# column of its mean, the two shapes in the columns of its epoch, divided by the error; and
# one row for each coefficient, which says 0 with an error of 1. The covariance is the
# inverse of `matrix.T @ matrix`, and the flux is a sum of three of the unknowns. With
# components that are not known it is `ba.SpectralFactors`.

# %% tags=["solution"]
matrix, values = [], []
for epoch in range(10):
    for pixel in np.flatnonzero(np.isfinite(flux[epoch])):
        row = np.zeros(35)
        row[pixel] = 1
        row[15 + 2 * epoch : 17 + 2 * epoch] = shapes[:, pixel]
        sd = error[epoch] * worse[pixel]
        matrix.append(row / sd)
        values.append(flux[epoch, pixel] / sd)
matrix += list(np.eye(35)[15:])
values += [0.0] * 20
matrix, values = np.array(matrix), np.array(values)
covariance = np.linalg.inv(matrix.T @ matrix)
asked = np.zeros(35)
asked[7] = 1
asked[27:29] = shapes[:, 7]
answer = asked @ covariance @ matrix.T @ values, (asked @ covariance @ asked) ** 0.5

# %%
ba.exercises.check("7.4", answer)

# %% [markdown]
# **To think about.** Which epochs teach most about the mean, the bright or the precise
# ones? What if the line answered the continuum with a delay of one epoch? How would you
# see it, and which model would you take?
