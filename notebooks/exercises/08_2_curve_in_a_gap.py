# %% [markdown]
# # 8.2 A curve in a gap
#
# **Physics.** Eight measurements of a smooth curve (the emission of a patch of sky
# along a scan, in K) leave a gap between 4.8 and 7.2 arcmin. Nothing is known of its
# shape but that it is smooth on some scale. (The numbers are simulated. Errors are 0.35
# K.)
#
# **Question.** What is the value of the curve, without noise, at 6 arcmin? Describe it
# by a Gaussian process with mean zero and the covariance of Matern 3/2,
# `sigma**2 * (1 + sqrt(3) t / scale) * exp(-sqrt(3) t / scale)`. Take priors that are
# flat in the logarithms: of sigma from 0.1 to 10 K, of the scale from 0.2 to 20 arcmin.
#
# **Answer.** The value of the curve: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

position = np.array([0.5, 1.4, 2.9, 4.1, 4.8, 7.2, 8.1, 9.3])
value = np.array([0.28, -0.46, -0.4, -1.39, -1.4, -1.49, -0.59, -0.43])
error = 0.35

# %% [markdown] tags=["hint"]
# ba.GaussianProcess with ba.kernels.Matern32(sigma=..., scale=...) takes priors where
# the kernel is written: ba.Prior("LogUniform", lower=0.1, upper=10). The errors are
# known, so that there is no jitter; a mean of zero is a prior of "offset" that leaves
# it no room. model.predict([6.0])["signal"] has draws of the curve itself, over all
# scales that the posterior has.

# %% tags=["solution"]
kernel = ba.kernels.Matern32(
    sigma=ba.Prior("LogUniform", lower=0.1, upper=10),
    scale=ba.Prior("LogUniform", lower=0.2, upper=20),
)
zero = {"offset": ba.Prior("Normal", mu=0, sigma=0.001)}
model = ba.GaussianProcess(kernel, jitter=False, priors=zero)
model.fit(ba.LightCurve(position, value, error), seed=1, progress=False)
answer = model.predict([6.0])["signal"].values[..., 0]

# %%
ba.exercises.check("8.2", answer)

# %% [markdown]
# **To think about.** Where does the curve go far outside of the measurements, and how
# wide is it there? Which of the two priors does the answer in the gap depend on?
