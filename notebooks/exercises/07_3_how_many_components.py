# %% [markdown]
# # 7.3 How many components?
#
# **Physics.** Eight spectra of fourteen pixels are to be described by a mean spectrum,
# which is 3 everywhere, and one, two or three components of known shape, with coefficients
# that are standard normal in each spectrum. Each spectrum has one error for all its
# pixels. A fit with more components is always closer to the pixels that it was fitted to.
# So three pixels of each spectrum, 6, 7 and 11, are hidden, and each model is asked for
# them. (The numbers are simulated.)
#
# **Question.** By how many nats is the log density of the hidden pixels, given the other
# pixels of their spectra and summed over spectra, larger with two components than with
# one ("second"), and with three than with two ("third")? The hidden pixels of a spectrum
# are predicted together, with the noise that they were measured with.
#
# **Answer.** `{"second": ..., "third": ...}`, numbers in nats. They are judged to 0.1.

# %%
import numpy as np
from scipy.stats import multivariate_normal

import bayes_astro as ba

# fmt: off
x = np.linspace(0, 1, 14)
shapes = np.array([
    1 - 2 * x,
    0.8 * np.exp(-0.5 * ((x - 0.6) / 0.12) ** 2),
    0.35 * np.cos(6 * np.pi * x),
])
hidden = np.array([6, 7, 11])
flux = np.array([
    [1.7, 2.05, 2.33, 2.8, 2.61, 2.8, 2.7, 2.72, 1.41, 2.69, 2.88, 4.37, 3.78, 3.23],
    [3.19, 2.65, 3.08, 3.45, 2.55, 2.65, 2.78, 3.49, 3.21, 2.91, 2.89, 2.75, 2.81,
     2.88],
    [3.09, 2.53, 2.39, 3.02, 3.1, 3.67, 4.01, 4.4, 3.12, 3.8, 3.55, 3.06, 2.93, 3.02],
    [2.46, 2.71, 3.51, 3.51, 2.64, 2.67, 2.06, 2.58, 3.17, 2.38, 3.04, 2.56, 3.13,
     3.18],
    [0.61, 1.91, 1.84, 2.94, 2.53, 2.34, 3.89, 4.05, 3.75, 3.93, 3.7, 4.04, 4.13,
     4.88],
    [1.12, 2.93, 1.57, 2.87, 2.13, 2.82, 2.19, 2.68, 1.36, 1.92, 4.23, 3.58, 3.97,
     3.68],
    [2.18, 1.92, 3.04, 2.53, 2.32, 2.05, 2.46, 2.09, 2.01, 2.23, 3.71, 3.69, 3.81,
     4.04],
    [4.21, 3.34, 3.29, 2.78, 3.74, 3.4, 3.49, 4.19, 4.84, 4.42, 3.21, 2.44, 1.57,
     2.02],
])
error = np.array([
    0.47, 0.36, 0.44, 0.38, 0.46, 0.6, 0.37, 0.44,
])
# fmt: on

# %% [markdown] tags=["hint"]
# With the coefficients integrated out, all pixels of a spectrum are Gaussian with the mean
# 3 and the covariance `shapes.T @ shapes + error**2 * np.eye(14)`, with as many rows of
# `shapes` as there are components. The density of some pixels given the others is a ratio:
# log p(all pixels) less log p(those that were not hidden), for which mean and covariance
# have the same rows and columns. `scipy.stats.multivariate_normal.logpdf(y, cov=...)` has
# both.

# %% tags=["solution"]
kept = np.setdiff1d(np.arange(14), hidden)


def score(count):
    signal = shapes[:count].T @ shapes[:count]
    total = 0.0
    for y, sd in zip(flux - 3, error):
        cov = signal + sd**2 * np.eye(14)
        total += multivariate_normal.logpdf(y, cov=cov)
        total -= multivariate_normal.logpdf(y[kept], cov=cov[np.ix_(kept, kept)])
    return total


answer = {"second": score(2) - score(1), "third": score(3) - score(2)}

# %%
ba.exercises.check("7.3", answer)

# %% [markdown]
# **To think about.** Two components made the spectra. Why is the third worth less than
# nothing? `ba.SpectralFactors` chooses its number in this way, with components that are
# learned; why does it take the *smallest* number that is as good as the best?
