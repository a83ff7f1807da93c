# %% [markdown]
# # 8.3 Ten coefficients for fourteen points
#
# **Physics.** The continuum of a spectrum is to be described by a polynomial of degree
# nine: more than fourteen points can tell, and less than one would like to exclude. A
# prior for the coefficients keeps them from running wild: that is what "ridge
# regression" does without saying so. (The numbers are simulated. Errors are 0.3.)
#
# **Question.** What is the value of the curve, without noise, at x = 0.7? It is a sum
# of the Legendre polynomials of degree 0 to 9
# (`np.polynomial.legendre.legvander(x, 9)`), whose ten coefficients have independent
# normal priors with mean 0 and standard deviation 1.
#
# **Answer.** The value of the curve: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
x = np.array([
    -0.91, -0.5, -0.39, -0.37, -0.31, -0.26, -0.2, -0.19, -0.02, 0.13, 0.19, 0.26, 0.39,
    0.78,
])
y = np.array([
    -0.54, -1.01, -0.39, -0.77, -1.0, -0.7, -0.41, -0.36, 0.1, 0.21, 0.52, 0.96, 1.15,
    1.06,
])
error = 0.3
# fmt: on

# %% [markdown] tags=["hint"]
# With V the matrix of polynomials at the fourteen points, the posterior of the
# coefficients is Gaussian: its inverse covariance is `V^T V / error**2` + the identity,
# its mean the covariance times `V^T y / error**2`. The value at 0.7 is a sum of
# coefficients.

# %% tags=["solution"]
matrix = np.polynomial.legendre.legvander(x, 9)
there = np.polynomial.legendre.legvander([0.7], 9)[0]
covariance = np.linalg.inv(matrix.T @ matrix / error**2 + np.eye(10))
mean = covariance @ matrix.T @ y / error**2
answer = there @ mean, np.sqrt(there @ covariance @ there)

# %%
ba.exercises.check("8.3", answer)

# %% [markdown]
# **To think about.** What is the prior of the value at 0.7 itself? Let the prior's
# standard deviation be unknown: which data would tell it? How does the picture change
# with a hundred coefficients?
