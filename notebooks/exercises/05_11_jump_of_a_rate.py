# %% [markdown]
# # 5.11 When did the rate jump?
#
# **Physics.** A detector registered 42 photons within ten hours. At some time the
# source flared up, and photons came faster from then on. (The numbers are simulated.)
#
# **Question.** When was that, in hours? The times of the photons are exact; the rate is
# constant before and constant after. Take a flat prior for the time of the jump from 0
# to 10 h, and for both rates an exponential prior with mean 5 per hour.
#
# **Answer.** The time of the jump in hours: a pair `(mean, sd)`, or draws as `(draw,)`
# or `(chain, draw)`.

# %%
import numpy as np
from scipy.special import gammaln

import bayes_astro as ba

# fmt: off
photon = np.array([
    0.4, 0.79, 1.32, 3.87, 4.32, 4.39, 5.33, 5.79, 6.49, 6.54, 6.55, 6.59, 6.67, 6.72,
    6.72, 6.96, 7.04, 7.17, 7.38, 7.39, 7.53, 7.57, 7.62, 7.75, 7.84, 7.88, 7.94, 7.97,
    8.01, 8.3, 8.34, 8.47, 8.59, 8.76, 9.12, 9.25, 9.36, 9.38, 9.64, 9.7, 9.9, 9.93,
])
# fmt: on

# %% [markdown] tags=["hint"]
# With k photons before the time t, the likelihood of the first rate is
# `rate**k * exp(-rate * t)`. Times the prior it is a Gamma distribution, whose integral
# over the rate is `k! / (t + 0.2)**(k + 1)`. The same holds for the rest of the photons
# and the time that is left. Write the product for a grid of t: k steps up by one at
# each photon.

# %% tags=["solution"]
t = np.linspace(0, 10, 10_001)
before = np.searchsorted(photon, t)
after = len(photon) - before
log_density = gammaln(before + 1) - (before + 1) * np.log(t + 0.2)
log_density += gammaln(after + 1) - (after + 1) * np.log(10 - t + 0.2)
density = np.exp(log_density - log_density.max())
answer = np.random.default_rng(1).choice(t, size=4000, p=density / density.sum())

# %%
ba.exercises.check("5.11", answer)

# %% [markdown]
# **To think about.** Is there a jump at all? Compare with a constant rate: the odds
# come out of the same integrals. Where would a second jump go?
