# %% [markdown]
# # 5.10 Is the star variable?
#
# **Physics.** A star was measured on twelve nights, with errors of 0.02 mag. The
# magnitudes scatter a little more than that. Either it is constant, or it varies from
# night to night by a Gaussian of unknown standard deviation. (The numbers are
# simulated.)
#
# **Question.** What is the natural logarithm of the odds of *variable* against
# *constant*, if both were equally likely before? The mean magnitude has the same flat
# prior in both models; the standard deviation of a variable star is uniform from 0 to
# 0.5 mag.
#
# **Answer.** The logarithm of the odds: a number (of a pair or draws the mean is
# taken). It is judged to 0.25.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
magnitude = np.array([
    14.028, 13.951, 13.964, 13.975, 14.015, 14.007, 13.996, 13.997, 13.978, 14.005,
    14.021, 13.974,
])
error = 0.02
# fmt: on

# %% [markdown] tags=["hint"]
# The likelihood of a scatter s, with the mean integrated out, is that of exercise 6.1,
# with weights `1 / (s**2 + error**2)`. The constant star is s = 0. Average the
# likelihood over the prior of s (its integral from 0 to 0.5, divided by 0.5), and
# divide by its value at 0.

# %% tags=["solution"]
s = np.linspace(0, 0.5, 5001)
weight = 1 / (s[:, None] ** 2 + error**2 * np.ones(12))
total = weight.sum(axis=1)
mean = (weight @ magnitude) / total
square = np.sum(weight * (magnitude - mean[:, None]) ** 2, axis=1)
log_likelihood = 0.5 * (np.log(weight).sum(axis=1) - square - np.log(total))
ratio = np.exp(log_likelihood - log_likelihood[0])
answer = np.log(np.trapezoid(ratio, s) / 0.5)

# %%
ba.exercises.check("5.10", answer)

# %% [markdown]
# **To think about.** The scatter that fits best is 0.013 mag, and yet the odds are
# against it. Which prior would a student of Cepheids choose, and which one who looks
# for planets? What would the odds be with a prior that is uniform in the logarithm of
# the scatter?
