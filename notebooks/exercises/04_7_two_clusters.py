# %% [markdown]
# # 4.7 Do two clusters differ?
#
# **Physics.** Two globular clusters may have been one galaxy's. In the first, six stars
# have a measured metallicity, and they scatter widely; in the second twenty, which lie
# close together. (The numbers are simulated; errors are negligible beside the scatter.)
#
# **Question.** What is the mean metallicity of the first cluster less that of the
# second? Each has a mean with a flat prior, and a Gaussian scatter of its own with a
# prior that is flat in its logarithm.
#
# **Answer.** The difference in dex: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

first = np.array([-1.43, -1.17, -1.86, -1.88, -1.69, -1.48])
# fmt: off
second = np.array([
    -1.62, -1.6, -1.57, -1.64, -1.55, -1.49, -1.52, -1.46, -1.37, -1.61, -1.39, -1.66,
    -1.56, -1.45, -1.41, -1.48, -1.48, -1.42, -1.54, -1.48,
])
# fmt: on

# %% [markdown] tags=["hint"]
# With these priors a mean follows Student's t with n - 1 degrees of freedom, about the
# sample's mean, with the scale of its standard deviation over sqrt(n). Draw both, and
# subtract.

# %% tags=["solution"]
rng = np.random.default_rng(1)
means = []
for some in (first, second):
    scale = some.std(ddof=1) / len(some) ** 0.5
    means.append(some.mean() + scale * rng.standard_t(len(some) - 1, 4000))
answer = means[0] - means[1]

# %%
ba.exercises.check("4.7", answer)

# %% [markdown]
# **To think about.** What is the probability that the first is more metal-rich? Which
# cluster should be observed longer?
