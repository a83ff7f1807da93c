# %% [markdown]
# # 10.2 The damping time of a quasar
#
# **Physics.** The brightness of a quasar wanders. A *damped random walk* describes it
# well: a Gaussian process with covariance `sigma**2 exp(-|t - t'| / tau)`, which
# forgets where it was within the damping time tau. Larger black holes forget more
# slowly, so tau weighs them. This one was observed 119 times within eight years;
# magnitudes and errors are given. (The numbers are simulated. Errors are Gaussian, and
# known.)
#
# **Question.** What is log10(tau / day), and how well is it known? Take a prior flat in ln tau from 1
# to 10,000 days, one flat in ln sigma from 0.01 to 10 mag, and a flat one for the mean magnitude.
#
# **Answer.** A number, a pair `(mean, sd)`, or draws from the posterior, as `(draw,)` or
# `(chain, draw)`: all of log10(tau / day).

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
time = np.array([
    25, 117, 162, 174, 192, 195, 225, 235, 249, 264, 328, 341, 344, 353, 380, 427, 439, 469,
    480, 487, 491, 499, 519, 522, 526, 576, 601, 653, 709, 728, 792, 848, 852, 876, 881,
    885, 887, 892, 895, 919, 956, 992, 1002, 1010, 1022, 1037, 1048, 1084, 1100, 1127, 1133,
    1161, 1274, 1322, 1339, 1361, 1362, 1392, 1415, 1437, 1482, 1510, 1573, 1589, 1592,
    1615, 1619, 1643, 1662, 1687, 1695, 1719, 1738, 1758, 1770, 1778, 1812, 1833, 1838,
    1880, 1885, 1903, 1977, 1989, 2027, 2030, 2055, 2072, 2077, 2177, 2229, 2337, 2338,
    2374, 2394, 2410, 2441, 2460, 2472, 2473, 2491, 2509, 2524, 2552, 2674, 2677, 2704,
    2740, 2754, 2757, 2767, 2773, 2862, 2931, 2936, 2948, 2980, 2983, 2990,
])
magnitude = np.array([
    18.45, 18.24, 18.35, 18.33, 18.19, 18.10, 18.30, 18.66, 18.69, 18.43, 18.30, 18.30,
    18.27, 18.10, 18.15, 18.39, 18.26, 18.46, 18.45, 18.52, 18.56, 18.57, 18.51, 18.58,
    18.54, 18.55, 18.85, 18.65, 18.80, 18.82, 18.44, 18.50, 18.54, 18.59, 18.46, 18.73,
    18.53, 18.52, 18.57, 18.53, 18.36, 18.17, 18.06, 18.08, 18.40, 18.23, 18.12, 18.60,
    18.36, 18.23, 18.42, 18.31, 18.39, 18.62, 18.84, 18.79, 18.62, 18.54, 18.46, 18.39,
    18.36, 18.32, 18.41, 18.32, 18.25, 18.25, 18.20, 18.20, 18.19, 18.24, 18.12, 18.47,
    18.20, 18.33, 18.44, 18.49, 18.11, 18.23, 18.30, 18.18, 18.14, 18.34, 18.10, 18.41,
    18.12, 18.07, 18.18, 18.09, 18.19, 18.38, 18.33, 18.44, 18.40, 18.15, 18.45, 18.27,
    18.51, 18.47, 18.23, 18.32, 18.36, 18.29, 18.21, 18.14, 18.17, 18.07, 18.07, 18.43,
    18.28, 18.38, 18.37, 18.45, 18.25, 18.16, 18.16, 18.28, 18.34, 18.28, 18.44,
])
error = np.array([
    0.05, 0.06, 0.02, 0.04, 0.03, 0.03, 0.06, 0.06, 0.06, 0.04, 0.07, 0.07, 0.06, 0.04,
    0.06, 0.04, 0.03, 0.02, 0.06, 0.03, 0.04, 0.05, 0.05, 0.07, 0.03, 0.06, 0.05, 0.03,
    0.04, 0.04, 0.03, 0.02, 0.03, 0.04, 0.07, 0.04, 0.07, 0.07, 0.03, 0.07, 0.05, 0.05,
    0.07, 0.05, 0.06, 0.03, 0.02, 0.07, 0.05, 0.02, 0.07, 0.07, 0.04, 0.06, 0.08, 0.06,
    0.07, 0.03, 0.03, 0.04, 0.03, 0.08, 0.03, 0.05, 0.02, 0.02, 0.07, 0.06, 0.04, 0.07,
    0.06, 0.05, 0.07, 0.06, 0.02, 0.04, 0.05, 0.04, 0.05, 0.06, 0.04, 0.06, 0.04, 0.06,
    0.02, 0.08, 0.05, 0.04, 0.05, 0.03, 0.08, 0.05, 0.05, 0.03, 0.05, 0.04, 0.05, 0.06,
    0.06, 0.03, 0.05, 0.07, 0.06, 0.04, 0.03, 0.03, 0.04, 0.03, 0.07, 0.08, 0.08, 0.06,
    0.05, 0.07, 0.05, 0.02, 0.08, 0.03, 0.02,
])
# fmt: on

# %% [markdown] tags=["hint"]
# ba.GaussianProcess with the kernel ba.kernels.DampedRandomWalk takes priors of the kernel's parameters
# where the kernel is written: ba.kernels.DampedRandomWalk(tau=ba.Prior("LogUniform", lower=1,
# upper=1e4)). The errors are known here, so that there is no jitter, and the prior of "offset", the
# mean, can be made so wide that it is flat. Draws of tau are in model.posterior["posterior"]["tau"].

# %% tags=["solution"]
kernel = ba.kernels.DampedRandomWalk(
    sigma=ba.Prior("LogUniform", lower=0.01, upper=10),
    tau=ba.Prior("LogUniform", lower=1, upper=10_000),
)
flat = {"offset": ba.Prior("Normal", mu=18, sigma=1000)}
model = ba.GaussianProcess(kernel, jitter=False, priors=flat)
model.fit(ba.LightCurve(time, magnitude, error, value_unit="mag"), seed=1)
answer = np.log10(model.posterior["posterior"]["tau"].values)

# %%
ba.exercises.check("10.2", answer)

# %% [markdown]
# **To think about.** Keep the first third of the observations only. The light curve
# then spans less than twenty damping times: how do the posterior of tau and
# `model.diagnose()` change? And what does the posterior become if tau may be as long as
# `10**6` days?
