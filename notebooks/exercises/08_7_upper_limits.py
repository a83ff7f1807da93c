# %% [markdown]
# # 8.7 A relation with upper limits
#
# **Physics.** Thirty galaxies were observed at a wavelength where twelve of them were
# not detected: of these only an upper limit of 0.7 is known, in the logarithm of the
# luminosity. The detected ones follow a relation with another quantity x, with a
# scatter. (The numbers are simulated. Errors are 0.12 dex.)
#
# **Question.** What are the slope of the relation y = intercept + slope x, and the
# standard deviation of its intrinsic scatter? Take flat priors, of the scatter above
# zero. A galaxy whose measured y would be below 0.7 counts as not detected.
#
# **Answer.** A dictionary `{"slope": ..., "scatter": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
x = np.array([
    0.14, 0.57, -0.66, -0.04, -0.14, -0.62, 0.08, 0.0, 0.46, -0.4, 0.85, -0.99, -0.9,
    -0.83, 0.77, 0.41, 0.11, -0.5, -0.9, -0.2, -0.91, -0.6, 0.46, -0.36, 0.13, 0.39,
    0.91, -0.34, -0.82, -0.99,
])
y = np.array([
    1.36, 1.52, 0.7, 0.76, 0.7, 0.7, 1.06, 0.82, 1.53, 0.85, 1.66, 0.7, 0.7, 0.7, 1.34,
    1.7, 1.08, 0.76, 0.7, 0.75, 0.7, 0.7, 2.08, 1.25, 0.97, 1.5, 1.55, 0.7, 0.7, 0.7,
])
is_limit = np.array([
    0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1,
    1, 1,
])
error = 0.12
# fmt: on

# %% [markdown] tags=["hint"]
# A detection has the density of a Gaussian about the line, of variance
# `scatter**2 + 0.12**2`. What is known of a limit is that y is below 0.7: the
# probability of that, the distribution function of the same Gaussian. Add the
# logarithms on a grid of slope, intercept and scatter.

# %% tags=["solution"]
slope = np.linspace(-0.3, 2.2, 81)[:, None, None]
intercept = np.linspace(0.3, 1.6, 81)[:, None]
scatter = np.linspace(0.01, 0.9, 60)
width = np.sqrt(scatter**2 + error**2)
log_density = np.zeros((81, 81, 60))
for one, its_y, hidden in zip(x, y, is_limit):
    z = (its_y - intercept - slope * one) / width
    log_density += norm.logcdf(z) if hidden else norm.logpdf(z) - np.log(width)
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
i, _, k = np.unravel_index(cell, log_density.shape)
answer = {"slope": slope[i, 0, 0], "scatter": scatter[k]}

# %%
ba.exercises.check("8.7", answer)

# %% [markdown]
# **To think about.** Are twelve limits worth anything beside eighteen detections?
# Compare the error of the slope with and without them. What if it were not known how
# many galaxies had been looked at?
