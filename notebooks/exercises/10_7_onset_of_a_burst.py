# %% [markdown]
# # 10.7 When did the burst begin?
#
# **Physics.** A burst rises at once and fades away exponentially. An X-ray detector
# took a flux every second for a minute, with an error of one unit; the burst is only a
# few errors high. (The numbers are simulated.)
#
# **Question.** When did it begin, and what is its decay time (to 1 / e), in seconds?
# The flux is background + amplitude * exp(-(time - onset) / decay) from the onset on,
# and the background before. Take flat priors: of the onset from 20 to 35 s, of the
# logarithm of the decay time from 1 to 20 s, of the background, and of the amplitude
# above zero.
#
# **Answer.** A dictionary `{"onset": ..., "decay": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np
from scipy.stats import norm

import bayes_astro as ba

# fmt: off
time = np.array([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59,
])
flux = np.array([
    10.4, 8.1, 10.0, 11.8, 8.5, 10.6, 9.4, 11.6, 9.6, 9.4, 11.7, 11.3, 9.7, 8.0, 8.3,
    10.5, 10.5, 8.6, 11.3, 10.6, 9.5, 9.9, 10.2, 9.4, 10.7, 9.8, 9.9, 11.0, 14.0, 11.4,
    12.4, 10.9, 11.8, 11.8, 9.7, 11.9, 12.6, 11.0, 9.3, 10.2, 10.6, 10.8, 10.8, 9.5,
    9.7, 10.9, 13.1, 10.4, 10.1, 10.7, 11.8, 10.2, 7.5, 9.5, 9.3, 9.0, 8.6, 9.0, 12.6,
    10.7,
])
# fmt: on

# %% [markdown] tags=["hint"]
# At each onset and decay time the model is linear in background and amplitude, and both
# integrate out. With g the shape of the burst less its mean over the minute,
# `G = sum(g**2)` and `b = sum(g * flux)`, the integral over the background and over
# amplitudes above zero is proportional to
# `exp(b**2 / (2 G)) * Phi(b / sqrt(G)) / sqrt(G)`.

# %% tags=["solution"]
onset = np.linspace(20, 35, 301)[:, None, None]
decay = np.exp(np.linspace(0, np.log(20), 50))[:, None]
shape = np.exp(-np.clip(time - onset, 0, None) / decay) * (time >= onset)
shape -= shape.mean(axis=-1, keepdims=True)
square, overlap = np.sum(shape**2, axis=-1), shape @ flux
log_density = 0.5 * overlap**2 / square - 0.5 * np.log(square)
log_density += norm.logcdf(overlap / np.sqrt(square))
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
row, column = np.unravel_index(cell, log_density.shape)
answer = {"onset": onset[row, 0, 0], "decay": decay[column, 0]}

# %%
ba.exercises.check("10.7", answer)

# %% [markdown]
# **To think about.** Why does the posterior of the onset have steps at whole seconds?
# How would a burst be found whose onset can be anywhere in a night?
