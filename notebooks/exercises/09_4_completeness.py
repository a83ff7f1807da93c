# %% [markdown]
# # 9.4 How deep is the survey?
#
# **Physics.** To find out how faint a survey sees, sixty artificial stars were put into
# its images, and the pipeline either found them or not. (The numbers are simulated.)
#
# **Question.** The probability that a star is found is 1 / (1 + exp((magnitude - m50) /
# width)). What are m50, where one half is found, and the width, in mag? Take flat
# priors: of m50 from 22.5 to 26, of the width from 0.02 to 2.
#
# **Answer.** A dictionary `{"m50": ..., "width": ...}` of pairs `(mean, sd)`, or draws
# as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
magnitude = np.array([
    23.0, 25.2, 24.9, 22.2, 23.3, 23.0, 24.3, 25.5, 23.2, 25.9, 24.0, 25.2, 25.5, 22.6,
    23.9, 23.4, 24.1, 22.6, 22.7, 23.3, 24.5, 22.6, 25.7, 24.0, 24.1, 24.0, 24.8, 23.7,
    24.3, 22.6, 25.6, 25.2, 25.2, 25.4, 23.5, 23.7, 24.1, 23.1, 23.7, 25.2, 25.3, 22.6,
    22.8, 24.2, 25.9, 23.2, 23.0, 25.2, 23.4, 25.9, 25.4, 25.4, 22.5, 22.6, 25.3, 25.6,
    24.2, 23.6, 23.9, 25.2,
])
found = np.array([
    1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1,
    1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0,
    1, 1, 1, 0,
])
# fmt: on

# %% [markdown] tags=["hint"]
# A star that was found has that probability, one that was not has one minus it. Add the
# logarithms of the sixty on a grid of m50 and width: with z = (magnitude - m50) / width
# they are -log(1 + exp(z)) and -log(1 + exp(-z)).

# %% tags=["solution"]
m50 = np.linspace(22.5, 26, 351)[:, None]
width = np.linspace(0.02, 2, 397)
log_density = np.zeros((351, 397))
for one, seen in zip(magnitude, found):
    z = (one - m50) / width
    log_density -= np.logaddexp(0, z if seen else -z)
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
row, column = np.unravel_index(cell, log_density.shape)
answer = {"m50": m50[row, 0], "width": width[column]}

# %%
ba.exercises.check("9.4", answer)

# %% [markdown]
# **To think about.** Where would you put sixty more artificial stars? Use the posterior
# to correct a count at magnitude 24.5: how much does the correction's own uncertainty
# add?
