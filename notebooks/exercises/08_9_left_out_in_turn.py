# %% [markdown]
# # 8.9 A line or a parabola?
#
# **Physics.** Sixteen points with errors of 0.3 may lie on a line or on a parabola. A
# parabola always fits better. Whether it *predicts* better shows when each point is
# left out in turn and predicted from the other fifteen. (The numbers are simulated.)
#
# **Question.** What is the sum, over the sixteen points, of ln p(point | the others)
# for the parabola, less that for the line? And what is its standard error, from the
# scatter of the sixteen differences? Coefficients have flat priors.
#
# **Answer.** A pair `(difference, standard error)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
x = np.array([
    -0.96, -0.7, -0.65, -0.5, -0.41, -0.01, 0.08, 0.15, 0.32, 0.46, 0.54, 0.56, 0.79,
    0.8, 0.84, 0.89,
])
y = np.array([
    -0.65, -0.37, -0.11, 0.16, 0.24, 0.02, 0.1, 0.4, 0.97, 1.11, 1.13, 1.23, 1.37, 0.95,
    1.57, 1.56,
])
error = 0.3
# fmt: on

# %% [markdown] tags=["hint"]
# Without the point, the posterior of the coefficients is Gaussian: least squares. The
# prediction of the point is Gaussian about the fitted value, and its variance is that
# of the fitted value plus `error**2`. The standard error of a sum of n differences is
# sqrt(n) times their standard deviation.


# %% tags=["solution"]
def scores(degree):
    matrix, found = np.vander(x, degree + 1), []
    for i in range(16):
        others = np.arange(16) != i
        design = matrix[others] / error
        covariance = np.linalg.inv(design.T @ design)
        coefficients = covariance @ design.T @ (y[others] / error)
        sd = np.sqrt(error**2 + matrix[i] @ covariance @ matrix[i])
        found.append(norm.logpdf(y[i], matrix[i] @ coefficients, sd))
    return np.array(found)


difference = scores(2) - scores(1)
answer = difference.sum(), 4 * difference.std(ddof=1)

# %%
ba.exercises.check("8.9", answer)

# %% [markdown]
# **To think about.** The points were simulated from a parabola. Is the answer wrong,
# then? How many points would it take until the parabola wins?
