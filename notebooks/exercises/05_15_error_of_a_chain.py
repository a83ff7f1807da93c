# %% [markdown]
# # 5.15 How many draws is a chain worth?
#
# **Physics.** A Markov chain moves slowly: each draw resembles the last one. Here are
# 4000 draws of the metallicity of a star from such a chain. (They are simulated: in the
# units of their spread each draw is 0.97 times the one before, and noise.)
#
# **Question.** Their mean is an estimate of the posterior mean. What is its standard
# error, the Monte Carlo error? (Not the uncertainty of the metallicity.)
#
# **Answer.** The error: a number. It is judged to 0.02.

# %%
import numpy as np
from arviz_stats.base import array_stats

import bayes_astro as ba

rng = np.random.default_rng(515)
chain = np.empty(4000)
chain[0] = rng.normal()
for i in range(1, 4000):
    chain[i] = 0.97 * chain[i - 1] + np.sqrt(1 - 0.97**2) * rng.normal()
chain = 1.4 + 0.6 * chain

# %% [markdown] tags=["hint"]
# If neighbours have the correlation c, the mean of n draws has the error of n * (1 - c)
# / (1 + c) independent ones. When c is not known: cut the chain into batches that are
# much longer than its memory, and look how their means scatter.
# `arviz_stats.base.array_stats.mcse` does it from the correlations of the draws.

# %% tags=["solution"]
answer = array_stats.mcse(chain[None], method="mean")

# %%
ba.exercises.check("5.15", answer)

# %% [markdown]
# **To think about.** How long a chain would give the mean to a hundredth of its
# standard deviation? What would four chains that started at the same place tell, and
# four that started far apart?
