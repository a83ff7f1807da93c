# %% [markdown]
# # 4.6 How many pixels hold a source?
#
# **Physics.** In a map of 200 pixels the noise is Gaussian with a standard deviation of
# one. Some pixels hold a source as well, whose flux follows an exponential distribution
# with a mean of four: most sources are faint. (The numbers are simulated.)
#
# **Question.** Which fraction of the pixels holds a source? Take a flat prior from 0 to
# 1.
#
# **Answer.** The fraction: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
pixel = np.array([
    0.3, -1.2, -0.2, -2.1, -0.2, -0.4, 1.0, 0.8, 0.4, -0.8, 0.6, 0.5, 0.6, 0.9, 0.9,
    0.8, 3.3, 0.3, -1.1, -0.5, -0.2, -0.9, 2.1, -0.4, -0.8, -0.3, 1.6, -1.5, 5.1, 0.7,
    1.1, -0.2, -2.2, -0.2, -1.9, 0.9, 1.9, -0.4, -0.2, 1.3, -1.6, -0.1, 0.3, 1.1, 0.9,
    1.4, 0.2, 1.4, -0.6, 1.2, 0.2, -1.0, 10.8, -0.9, -0.3, -0.3, 1.7, -0.2, -0.6, -0.7,
    0.3, 0.6, 1.1, 0.5, 0.7, -1.7, 0.4, -0.4, 6.7, -3.3, 0.6, -0.5, 0.7, -0.9, 1.5,
    -0.7, 0.8, 1.3, 0.2, 0.6, 0.9, 0.4, -0.2, -0.1, 0.2, -0.8, -0.0, -1.1, -0.6, -0.8,
    1.0, 0.6, -0.5, 0.4, 0.9, 5.4, 0.3, -1.2, -1.0, -0.3, 0.2, -0.7, 0.9, -1.7, 2.6,
    0.3, 0.3, -1.0, -1.3, -0.3, 1.4, -0.0, 1.0, 2.0, 1.1, 8.9, 1.5, -0.0, 1.3, 1.2, 1.2,
    1.2, 0.6, -0.7, 0.1, -0.7, -1.1, -0.1, 0.5, -0.6, -0.8, 0.0, -2.1, 0.6, 0.6, 1.1,
    -0.6, 1.0, 0.8, 0.6, 0.0, 1.9, 0.4, 0.3, -0.2, -0.0, -0.1, 10.8, 0.2, 3.5, 0.4, 1.2,
    -1.6, 14.5, -0.7, -0.7, -0.7, 0.3, 0.9, 6.4, -0.6, -0.2, 0.1, -1.5, 0.7, -1.0, -0.7,
    1.4, -2.1, 0.8, 0.2, -0.5, 3.0, 2.7, 0.0, 0.4, 2.4, 0.8, 0.4, 0.8, -1.6, 0.0, 3.0,
    0.6, -0.4, -0.7, -1.2, 0.7, 1.1, -0.0, 0.9, -0.9, -1.6, -0.1, -0.0, 1.8, 0.7, -1.5,
    0.8, -0.2,
])
# fmt: on

# %% [markdown] tags=["hint"]
# A pixel without a source has the density of the noise. One with a source has the
# convolution of the exponential and the Gaussian, exp(1 / 32 - x / 4) * Phi(x - 1 / 4)
# / 4, with Phi the distribution function of a standard normal. Each pixel is a mixture
# of both; multiply over the pixels for a grid of fractions.

# %% tags=["solution"]
source = np.exp(1 / 32 - pixel / 4) * norm.cdf(pixel - 1 / 4) / 4
fraction = np.linspace(0, 1, 2001)[:, None]
log_density = np.log(fraction * source + (1 - fraction) * norm.pdf(pixel)).sum(axis=1)
density = np.exp(log_density - log_density.max())
rng = np.random.default_rng(1)
answer = rng.choice(fraction[:, 0], size=4000, p=density / density.sum())

# %%
ba.exercises.check("4.6", answer)

# %% [markdown]
# **To think about.** Twenty-five pixels hold a source. How many of them could be named?
# Why does the fraction need no threshold, and a list of sources does?
