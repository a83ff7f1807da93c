# %% [markdown]
# # 10.14 The signal behind the noise
#
# **Physics.** A star flickers: its brightness is a damped random walk of which long
# observation gave the standard deviation, 0.3 mag, and the damping time, 20 d. Forty
# new magnitudes, one every 2.5 days, have errors of half that standard deviation. (The
# numbers are simulated.)
#
# **Question.** What was the star's brightness, without the noise, on day 50, relative
# to its mean (zero, and known)? On that day there is a measurement, and there are
# others before and after.
#
# **Answer.** The signal in mag: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
time = np.array([
    0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0, 22.5, 25.0, 27.5, 30.0, 32.5,
    35.0, 37.5, 40.0, 42.5, 45.0, 47.5, 50.0, 52.5, 55.0, 57.5, 60.0, 62.5, 65.0, 67.5,
    70.0, 72.5, 75.0, 77.5, 80.0, 82.5, 85.0, 87.5, 90.0, 92.5, 95.0, 97.5,
])
magnitude = np.array([
    0.03, 0.05, 0.28, 0.31, 0.39, 0.32, 0.24, 0.33, 0.02, 0.28, 0.17, -0.04, 0.17, 0.11,
    0.69, 0.24, 0.13, 0.39, -0.09, 0.41, 0.09, -0.14, 0.41, -0.06, -0.02, -0.48, -0.15,
    -0.35, -0.14, 0.13, 0.21, -0.05, 0.21, 0.25, 0.03, 0.19, 0.11, -0.04, -0.16, -0.28,
])
error = 0.15
# fmt: on

# %% [markdown] tags=["hint"]
# Signal and measurements are jointly Gaussian, with the covariance
# `0.3**2 * exp(-t / 20)`, plus `0.15**2` for each measurement with itself. The signal
# given the measurements is what Wiener's filter computes.
# ba.GaussianProcess(ba.kernels.DampedRandomWalk(sigma=0.3, tau=20.0)) has nothing to
# fit but the mean, for which a narrow prior about zero is a known one.

# %% tags=["solution"]
kernel = ba.kernels.DampedRandomWalk(sigma=0.3, tau=20.0)
zero = {"offset": ba.Prior("Normal", mu=0, sigma=0.001)}
model = ba.GaussianProcess(kernel, jitter=False, priors=zero)
model.fit(ba.LightCurve(time, magnitude, error), seed=1, progress=False)
answer = model.predict([50.0])["signal"].values[..., 0]

# %%
ba.exercises.check("10.14", answer)

# %% [markdown]
# **To think about.** How much narrower is it than the measurement's own error? On which
# days is the signal known worst? What would the filter do with a star that is known to
# be periodic?
