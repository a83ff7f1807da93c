# %% [markdown]
# # 8.12 The lines of a spectrum
#
# **Physics.** Twenty lines might be in a spectrum; their strengths were measured with
# errors of 1. Most of them probably are absent, and a few are strong, which a prior of
# Laplace's form exp(-|s| / b) / (2 b) describes better than a normal one. It is what the
# "lasso" takes the mode of. (The numbers are simulated.)
#
# **Question.** What is the strength of the *first* line? The width b is the same for all
# lines, and unknown: take a flat prior from 0 to 5.
#
# **Answer.** The strength of the first line: a pair `(mean, sd)`, or draws as `(draw,)`
# or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
y = np.array([
    3.89, 0.58, 0.51, 2.42, 0.36, -2.72, -1.11, -1.17, -1.63, 2.41, 0.81, 0.03, 1.2,
    1.04, -0.43, 2.17, -0.69, 1.38, 2.09, 0.36,
])
error = 1.0
# fmt: on

# %% [markdown] tags=["hint"]
# On a grid of widths b and of strengths s, the marginal density of a measured line is the
# sum of `exp(-abs(s) / b) / b * norm.pdf(y, s, 1)` over s. The posterior of b is the product
# over the twenty lines; that of the first strength is the average over b of its own.

# %% tags=["solution"]
strength = np.linspace(-15, 15, 3001)
width = np.linspace(0.01, 5, 300)
prior = np.exp(-np.abs(strength) / width[:, None]) / width[:, None]
likelihood = norm.pdf(y[:, None], strength, error)
log_marginal = np.log(prior @ likelihood.T).sum(axis=1)
of_width = np.exp(log_marginal - log_marginal.max())
own = prior * likelihood[0]
own /= own.sum(axis=1, keepdims=True)
density = of_width @ own
mean = np.average(strength, weights=density)
answer = mean, np.average((strength - mean) ** 2, weights=density) ** 0.5

# %%
ba.exercises.check("8.12", answer)

# %% [markdown]
# **To think about.** By how much is each of the weak lines shrunk, and by how much the
# strong one? Which of the twenty would the lasso set to zero?
