# %% [markdown]
# # 9.7 Quasars of another field
#
# **Physics.** A quasar is bluer than most stars: its colour u - g is Gaussian about
# 0.15 with a standard deviation of 0.15, that of a star about 0.95 with 0.25. Of a new
# field you have the colours of 120 faint sources, with errors from 0.2 to 0.7 mag.
# Whoever trained a classifier took as many quasars as stars; how many there are in this
# field nobody knows. (The numbers are simulated.)
#
# **Question.** What fraction of the sources of this field are quasars? The prior is flat
# from 0 to 1; both densities are known.
#
# **Answer.** The fraction: a pair `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
colour = np.array([
    0.97, 0.82, 0.48, 0.37, 0.53, 0.92, -0.66, -0.36, -0.33, 0.92, -0.2, 2.47, -0.47,
    0.89, -0.81, 0.9, -0.39, 1, 1.11, 0.58, 0.06, 1.34, -0.36, 0.48, -0.19, 0.48, 0.05,
    0.78, 0.66, -0.13, 1.23, 1.18, 1.51, 1.19, 0.94, 1.01, 0.68, 0.69, 0.78, 0.26, 1.56,
    -0.23, 1.34, 1.1, 0.78, 1.62, 0.59, 0.82, 1.34, 1.3, -0.17, 0.25, 0.58, 1.06, 0.99,
    1.1, 1.08, 1.48, 0.93, -0.15, 0.47, 1.21, 2.06, 0.52, 0.83, 1.09, -0.19, 0.77, 1.17,
    1.12, 0.46, 0.61, 0.44, 0.32, 1.03, 0.4, 1.28, -0.17, 1.18, 1.24, 0.68, -0.04, 1.16,
    0.63, 0.43, 1.95, 0.91, 0.27, 0.17, 0.05, 0.11, 0.95, 1.05, 0.05, 0.84, 1.52, 0.65,
    0.44, 2.18, 0.7, 0.61, 2.07, 1.02, 1.01, 0.61, 1.31, 0.48, 1.45, 0.32, 0.16, 0.82,
    0.47, 0.25, 0.13, 1.36, 0.64, 0.57, 0.81, 0.08, 0.55,
])
error = np.array([
    0.37, 0.26, 0.46, 0.25, 0.51, 0.4, 0.5, 0.64, 0.5, 0.46, 0.55, 0.7, 0.68, 0.39,
    0.63, 0.47, 0.54, 0.3, 0.65, 0.66, 0.35, 0.25, 0.61, 0.38, 0.56, 0.3, 0.6, 0.33,
    0.26, 0.59, 0.69, 0.5, 0.63, 0.26, 0.6, 0.33, 0.56, 0.7, 0.51, 0.67, 0.47, 0.24,
    0.53, 0.45, 0.21, 0.22, 0.58, 0.22, 0.34, 0.38, 0.33, 0.49, 0.34, 0.32, 0.31, 0.33,
    0.21, 0.27, 0.24, 0.54, 0.29, 0.29, 0.6, 0.45, 0.62, 0.6, 0.26, 0.68, 0.44, 0.46,
    0.57, 0.36, 0.54, 0.27, 0.44, 0.6, 0.51, 0.29, 0.36, 0.28, 0.35, 0.7, 0.53, 0.45,
    0.42, 0.57, 0.54, 0.38, 0.62, 0.63, 0.61, 0.35, 0.21, 0.24, 0.52, 0.34, 0.65, 0.43,
    0.62, 0.33, 0.28, 0.54, 0.46, 0.48, 0.33, 0.57, 0.48, 0.56, 0.48, 0.41, 0.23, 0.58,
    0.26, 0.34, 0.5, 0.58, 0.46, 0.66, 0.34, 0.43,
])
# fmt: on

# %% [markdown] tags=["hint"]
# A source of the new field is a quasar with the unknown probability f. Its measured colour
# then has the density f quasar_i + (1 - f) star_i, each Gaussian about the class's mean with
# the variance of the class plus `error**2`. The likelihood of f is the product of these over the
# sources; with a flat prior from 0 to 1 it is the posterior, on a grid. It is what
# `model.adapt(...)` of `ba.MixtureClassifier` draws from.

# %% tags=["solution"]
quasar = norm.pdf(colour, 0.15, np.sqrt(0.15**2 + error**2))
star = norm.pdf(colour, 0.95, np.sqrt(0.25**2 + error**2))
f = np.linspace(0.0005, 0.9995, 1000)
log_posterior = np.log(f[:, None] * quasar + (1 - f[:, None]) * star).sum(axis=1)
posterior = np.exp(log_posterior - log_posterior.max())
rng = np.random.default_rng(1)
answer = rng.choice(f, 8000, p=posterior / posterior.sum())

# %%
ba.exercises.check("9.7", answer)

# %% [markdown]
# **To think about.** What if the quasars of the new field were redder than those that
# trained? Which of the sources would you observe first to find that out?
