# %% [markdown]
# # 7.1 A spectrum with gaps
#
# **Physics.** A spectrum of forty pixels is a sum of three known shapes: a constant, a
# slope, and a line at 0.62 of the range. Eleven pixels are missing, five of them in the
# line; some of the others are noisier. (The numbers are simulated; a missing pixel is
# nan.)
#
# **Question.** What is the strength of the line, the coefficient of its shape
# `exp(-0.5 ((x - 0.62) / 0.08)**2)`? All three coefficients have flat priors.
#
# **Answer.** The strength of the line: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
flux = np.array([
    1.35, 1.45, 1.45, 1.53, 1.69, 1.64, 1.8, 1.48, np.nan, np.nan, np.nan, np.nan,
    np.nan, np.nan, 1.7, 1.95, 1.77, 1.9, 2.27, 1.53, 2.12, 2.36, 2.26, 2.65, 2.72,
    np.nan, np.nan, np.nan, np.nan, np.nan, 2.25, 2.43, 2.28, 2.5, 1.85, 2.35, 2.32,
    2.51, 2.64, 2.94,
])
error = np.array([
    0.15, 0.15, 0.15, 0.15, 0.15, 0.6, 0.15, 0.15, 0.15, 0.6, 0.15, 0.15, 0.15, 0.15,
    0.15, 0.15, 0.15, 0.15, 0.15, 0.6, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15,
    0.15, 0.15, 0.15, 0.15, 0.15, 0.15, 0.6, 0.15, 0.15, 0.15, 0.15, 0.6,
])
# fmt: on

# %% [markdown] tags=["hint"]
# Leave the missing pixels out: they say nothing. What is left is a linear fit with
# known errors: with the shapes as columns of a matrix, each row divided by its pixel's
# error, the covariance of the coefficients is the inverse of matrix^T matrix.

# %% tags=["solution"]
x = np.linspace(0, 1, 40)
line = np.exp(-0.5 * ((x - 0.62) / 0.08) ** 2)
shapes = np.stack([np.ones(40), 2 * x - 1, line], axis=1)
seen = np.isfinite(flux)
matrix = shapes[seen] / error[seen, None]
covariance = np.linalg.inv(matrix.T @ matrix)
mean = covariance @ matrix.T @ (flux[seen] / error[seen])
answer = mean[2], covariance[2, 2] ** 0.5

# %%
ba.exercises.check("7.1", answer)

# %% [markdown]
# **To think about.** How well would the line be known without the gaps? What if the
# shapes were not known, but had to be learnt from a hundred such spectra with gaps in
# other places?
