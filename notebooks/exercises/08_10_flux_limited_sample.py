# %% [markdown]
# # 8.10 A flux-limited sample
#
# **Physics.** Sixty galaxies come from a survey that lists whatever is brighter than a
# flux limit. Their distances are known, and with them the faintest luminosity at which
# each would still have been listed. The luminosity goes with the width of a spectral
# line, both as logarithms (of the width relative to 200 km/s), with a scatter. (The
# numbers are simulated. Errors of the luminosity are 0.1 dex, the width is exact.)
#
# **Question.** What are the slope of the relation luminosity = intercept + slope width,
# and the standard deviation of its intrinsic scatter? Take flat priors, of the scatter
# above zero. A galaxy is listed where its *measured* luminosity is above its faintest.
#
# **Answer.** A dictionary `{"slope": ..., "scatter": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
width = np.array([
    0.09, -0.41, -0.2, -0.17, 0.05, 0.6, 0.3, -0.23, -0.03, -0.02, -0.38, 0.3, -0.22,
    0.22, 0.34, 0.23, -0.3, 0.29, 0.05, 0.29, 0.04, 0.44, 0.25, -0.14, 0.22, -0.14,
    0.33, 0.02, 0.16, -0.22, 0.3, -0.05, -0.27, -0.24, 0.35, 0.32, -0.36, 0.31, 0.0,
    -0.14, 0.11, 0.11, -0.18, 0.16, 0.04, 0.12, -0.07, 0.34, 0.47, 0.17, -0.12, 0.01,
    0.05, -0.35, -0.04, -0.22, 0.42, 0.26, -0.02, 0.35,
])
luminosity = np.array([
    0.15, -0.02, -0.13, 0.28, 0.35, 1.38, 1.37, -0.08, 0.15, -0.12, -0.4, 0.92, 0.09,
    0.37, 0.65, 0.7, -0.69, 0.29, -0.1, 0.35, -0.01, 0.57, 0.11, 0.04, 0.52, -0.23,
    0.35, 0.11, 0.31, -0.45, 0.65, -0.93, -0.53, -0.52, 0.05, 0.92, -0.17, 0.83, -0.06,
    -0.01, 0.47, 0.26, -0.14, 0.25, 0.05, 0.15, -0.02, 0.69, 1.16, 0.44, -0.26, -0.25,
    0.37, -0.22, 0.01, -0.22, 0.43, 0.57, -0.12, 0.97,
])
faintest = np.array([
    -0.6, -0.18, -0.82, -0.61, -0.82, -0.35, -0.21, -0.2, -0.39, -0.57, -0.88, -0.11,
    -0.28, -0.13, -0.22, -0.64, -1.42, -0.52, -0.12, -0.21, -1.27, -0.12, -0.39, -0.39,
    -0.3, -0.53, -0.14, -0.16, -0.11, -0.64, -0.35, -1.22, -0.62, -0.62, -0.11, -0.18,
    -0.28, -0.34, -0.29, -1.19, -0.17, -0.15, -0.44, -0.6, -0.27, -0.17, -0.52, -0.16,
    -0.2, -0.13, -0.28, -0.9, -0.3, -0.7, -0.25, -0.47, -0.11, -0.2, -0.38, -0.35,
])
error = 0.1
# fmt: on

# %% [markdown] tags=["hint"]
# A galaxy that is in the list has the density of its luminosity about the line, of
# variance `scatter**2 + 0.1**2`, divided by the probability that a galaxy of its line
# width, at its distance, is bright enough to be listed: the part of the same Gaussian
# above `faintest`. Add the logarithms on a grid of slope, intercept and scatter.

# %% tags=["solution"]
slope = np.linspace(0.5, 3.8, 81)[:, None, None]
intercept = np.linspace(-0.6, 0.4, 81)[:, None]
scatter = np.linspace(0.05, 0.7, 60)
sd = np.sqrt(scatter**2 + error**2)
log_density = np.zeros((81, 81, 60))
for x, y, its_faintest in zip(width, luminosity, faintest):
    line = intercept + slope * x
    log_density += norm.logpdf(y, line, sd) - norm.logsf(its_faintest, line, sd)
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
i, _, k = np.unravel_index(cell, log_density.shape)
answer = {"slope": slope[i, 0, 0], "scatter": scatter[k]}

# %%
ba.exercises.check("8.10", answer)

# %% [markdown]
# **To think about.** Which galaxies say most about the slope, those far above their
# limit or those near it? What would change if the limit were in the *width*?
