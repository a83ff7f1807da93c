# %% [markdown]
# # 10.3 The rotation period of a spotted star
#
# **Physics.** Spots carried across the disc make a star fainter and brighter again once per rotation.
# But spots come and go: after some time tau the phase and the amplitude of the signal are forgotten.
# The simplest process that does both is a damped cosine,
#
# `covariance(t, t') = sigma**2 exp(-|t - t'| / tau) cos(2 pi (t - t') / period)`.
#
# A star was observed 86 times within 120 days; fluxes and errors are in units of 0.1%. (The numbers
# are simulated from this process. Errors are Gaussian, and known.)
#
# **Question.** What is the period, and how well is it known? Take priors flat in the logarithm: of the
# period from 2 to 30 days, of tau from 1 to 1000 days, of sigma from 1 to 100; and a flat prior for the
# mean flux.
#
# **Answer.** The period in days: a number, a pair `(mean, sd)`, draws as `(draw,)` or
# `(chain, draw)`, or a fitted model.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
time = np.array([
    1.0, 1.8, 2.3, 2.6, 3.1, 4.4, 6.7, 7.2, 8.6, 9.4, 11.2, 12.4, 13.4, 15.1, 15.4, 17.5,
    18.1, 18.3, 19.0, 19.5, 19.7, 20.8, 21.8, 23.6, 25.1, 26.7, 26.9, 27.2, 29.0, 30.4,
    30.6, 30.8, 32.2, 33.6, 34.7, 37.1, 37.5, 39.6, 41.0, 44.4, 44.5, 48.8, 52.6, 52.7,
    55.1, 55.8, 56.0, 57.8, 61.3, 61.8, 62.3, 64.9, 71.7, 74.2, 75.7, 77.9, 78.3, 79.4,
    80.5, 81.5, 81.8, 84.2, 84.5, 86.9, 87.1, 88.7, 88.8, 90.8, 90.9, 92.1, 96.2, 101.6,
    102.5, 102.9, 103.2, 107.3, 107.7, 108.9, 109.3, 110.7, 115.2, 117.2, 117.9, 118.5,
    118.7, 118.9,
])
flux = np.array([
    -13.7, -11.2, -11.1, -11.4, -3.7, -0.6, 7.6, 6.1, 3.7, -11.6, -11.3, -0.4, -4.4, 12.8,
    14.6, 3.2, -0.8, 0.2, 1.8, 0.3, -1.5, -4.1, 5.0, 2.1, -1.2, -4.6, -11.4, -6.1, -4.5,
    6.8, 5.8, 7.6, -6.1, -4.6, -2.8, 1.4, 7.1, -9.9, 0.0, 7.4, 14.2, -12.0, 0.0, 6.1, 1.3,
    -6.8, -4.7, 2.8, 6.3, 1.0, -3.1, -20.6, 2.5, -19.6, -0.3, 13.6, 12.0, 0.3, -13.7, -21.8,
    -18.0, 11.4, 12.7, -7.0, -0.4, -6.8, -1.8, 3.9, 10.1, 6.0, -5.8, 15.6, 6.1, 9.0, 4.3,
    0.6, 0.7, 16.9, 22.3, 8.0, 5.8, 4.8, 15.1, 4.9, 4.4, 4.2,
])
error = np.array([
    3.6, 3.8, 3.1, 2.2, 3.3, 2.8, 3.8, 2.7, 3.2, 3.1, 2.3, 3.5, 2.9, 3.1, 2.9, 2.1, 2.2,
    3.0, 2.8, 2.8, 2.4, 3.1, 2.9, 3.0, 3.2, 4.0, 3.4, 3.2, 3.4, 2.5, 3.5, 2.5, 3.3, 2.4,
    3.6, 2.7, 3.8, 3.6, 3.9, 3.5, 2.7, 2.4, 3.8, 2.1, 3.9, 2.3, 3.2, 3.0, 3.4, 2.3, 2.8,
    3.2, 3.6, 3.2, 3.3, 2.5, 2.8, 3.2, 2.7, 3.6, 3.7, 2.0, 2.9, 2.5, 3.3, 3.8, 2.6, 2.7,
    2.9, 3.0, 3.0, 3.0, 3.6, 2.7, 3.0, 2.4, 2.7, 2.9, 3.9, 3.5, 2.5, 3.9, 3.6, 3.7, 3.5,
    2.3,
])
# fmt: on

# %% [markdown] tags=["hint"]
# The covariance is a product of two that ba.kernels has, DampedRandomWalk and Cosine; the product keeps
# one sigma, that of the first. Write priors where the kernels are written, leave the jitter out, since
# the errors are known, and make the prior of "offset" so wide that it is flat. A fitted model can be
# handed in as it is.

# %% tags=["solution"]
kernel = ba.kernels.DampedRandomWalk(
    sigma=ba.Prior("LogUniform", lower=1, upper=100),
    tau=ba.Prior("LogUniform", lower=1, upper=1000),
) * ba.kernels.Cosine(period=ba.Prior("LogUniform", lower=2, upper=30))
flat = {"offset": ba.Prior("Normal", mu=0, sigma=1000)}
model = ba.GaussianProcess(kernel, jitter=False, priors=flat)
answer = model.fit(ba.LightCurve(time, flux, error), seed=1)

# %%
ba.exercises.check("10.3", answer)

# %% [markdown]
# **To think about.** `ba.Periodogram(period=(2, 30))` fits one sine that never changes. Its period is
# 24 times more precise than this one, and the period that the numbers were made with, 8.4 days, lies 35
# of its errors away. What do its residuals show? And if the spots last twenty days, how much longer
# must the star be observed to halve the error of this period?
