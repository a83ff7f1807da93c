# %% [markdown]
# # 10.5 One band a night
#
# **Physics.** RR Lyrae stars pulsate within half a day; their periods tell how bright they are. A survey
# saw this one in 48 nights, each time in one of four filters: no filter has enough points for a period of
# its own. The star is fainter or brighter in each, and varies less in the red. (The numbers are
# simulated. Errors are 0.03 mag.)
#
# **Question.** What is the period, and how well is it known? Look from 0.2 to 1.25 days; let each band
# have a mean, a noise term and amplitudes of its own, and average over one to four harmonics.
#
# **Answer.** The period in days: a pair `(mean, sd)`, draws as `(draw,)` or `(chain, draw)`, or a
# fitted model.

# %%
import numpy as np

import bayes_astro as ba

# fmt: off
time = np.array([
    2.1707, 42.1408, 53.1362, 83.2002, 114.0079, 116.2218, 123.1220, 131.1062, 138.1812,
    146.0638, 149.2299, 153.1527, 163.2066, 189.0219, 218.0357, 222.2262, 225.0238,
    228.1842, 267.0030, 269.0646, 283.0686, 290.2106, 300.0780, 306.0539, 319.0053,
    320.0728, 348.2171, 353.1349, 354.0081, 359.0218, 361.0659, 386.1928, 391.0491,
    411.0038, 422.2479, 436.2385, 456.1556, 459.0523, 465.1465, 479.0587, 488.1643,
    493.0094, 499.1838, 533.2232, 550.2011, 551.0611, 579.0212, 599.2420,
])
magnitude = np.array([
    15.733, 15.670, 15.700, 15.718, 15.683, 16.117, 15.749, 15.720, 16.331, 15.835,
    16.143, 15.771, 15.576, 15.685, 16.169, 15.968, 15.827, 15.838, 15.634, 16.087,
    15.914, 15.710, 15.616, 15.789, 15.802, 15.973, 16.264, 16.101, 15.980, 15.675,
    15.914, 15.623, 15.664, 16.058, 15.837, 15.911, 15.689, 15.996, 15.893, 16.579,
    15.689, 15.676, 15.627, 16.097, 15.664, 15.903, 15.652, 15.657,
])
band = np.array([
    "r", "z", "r", "i", "i", "g", "z", "z", "r", "z", "z", "z", "r", "i", "i", "g", "z",
    "g", "i", "i", "i", "z", "z", "z", "z", "z", "r", "z", "g", "z", "r", "z", "z", "r",
    "g", "r", "i", "g", "r", "g", "i", "i", "r", "z", "z", "i", "i", "r",
])
# fmt: on

# %% [markdown] tags=["hint"]
# ba.LightCurve takes the names of the bands as band=. ba.Periodogram then lets all bands share the
# period; each has a mean magnitude, a noise term, and amplitudes of its own that are like the others', and
# one to four harmonics are averaged over. The range is period=(0.2, 1.25).

# %% tags=["solution"]
star = ba.LightCurve(time, magnitude, 0.03, band=band, value_unit="mag")
model = ba.Periodogram(period=(0.2, 1.25)).fit(star, seed=1)
answer = model.posterior["posterior"]["period"].values

# %%
ba.exercises.check("10.5", answer)

# %% [markdown]
# **To think about.** Leave out three quarters of the nights. When does the period become ambiguous, and
# what does `model.modes()` say then?
