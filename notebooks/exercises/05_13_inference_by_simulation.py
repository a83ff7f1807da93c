# %% [markdown]
# # 5.13 Inference by simulation alone
#
# **Physics.** Sometimes data are easy to simulate, and their likelihood cannot be
# written down. One can then draw parameters from the prior, simulate, and keep those
# whose data look like the observed ones. To see how well that goes it is tried on a
# case with a known answer: thirty waiting times of a detector, which follow a Gamma
# distribution with shape 3. (The numbers are simulated.)
#
# **Question.** What is its scale, in ms? The prior is flat from 0.2 to 6 ms. Try it
# without the density of the Gamma distribution, with `rng.gamma` only.
#
# **Answer.** The scale in ms: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
waiting = np.array([
    5.6, 6.2, 4.6, 3.4, 9.1, 1.8, 4.4, 11.2, 2.5, 3.7, 4.7, 7.1, 8.4, 11.9, 9.2, 4.8,
    4.2, 5.8, 2.1, 3.6, 11.1, 8.1, 9.7, 1.0, 6.2, 4.7, 2.9, 10.2, 9.1, 2.1,
])
# fmt: on

# %% [markdown] tags=["hint"]
# Draw some hundred thousand scales from the prior, and thirty waiting times for each.
# Keep the scales whose simulated *mean* is within 0.1 ms of the observed one. The mean
# of the data knows all that they know of the scale (it is sufficient), so that little
# is lost; how close is close enough shows when the answer changes no more.

# %% tags=["solution"]
rng = np.random.default_rng(1)
scale = rng.uniform(0.2, 6, 300_000)
mean = np.array([rng.gamma(3, one, 30).mean() for one in scale])
answer = scale[np.abs(mean - waiting.mean()) < 0.1]

# %%
ba.exercises.check("5.13", answer)

# %% [markdown]
# **To think about.** The exact posterior is an inverse Gamma: how close did you get,
# and what did a draw that was kept cost? What would happen with three parameters and
# ten summaries?
