# %% [markdown]
# # 10.11 A damping time longer than the record
#
# **Physics.** The quasar MACHO 58.6272.729 was watched for seven years. Its brightness
# walks about and is drawn back to a mean within the damping time; if that is longer
# than the record, the record only says: not short.
#
# **Question.** What is log10 of the damping time in days, from the band B? The
# covariance is `sigma**2 * exp(-t / tau)`, the errors are as stated. Take priors that
# are flat in the logarithms, of sigma from 0.03 to 3 mag and of tau from 10 to 100,000
# d, and a flat one for the mean.
#
# **Answer.** Log10 of the damping time in days: a pair `(mean, sd)`, or draws as
# `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

quasar = ba.load("macho-quasar").select("B")

# %% [markdown] tags=["hint"]
# As in exercise 10.2, with other ranges: ba.GaussianProcess with
# ba.kernels.DampedRandomWalk, no jitter, and a prior of "offset" so wide that it is
# flat. ba.load("macho-quasar").select("B") has the 364 magnitudes.

# %% tags=["solution"]
kernel = ba.kernels.DampedRandomWalk(
    sigma=ba.Prior("LogUniform", lower=0.03, upper=3),
    tau=ba.Prior("LogUniform", lower=10, upper=100_000),
)
flat = {"offset": ba.Prior("Normal", mu=float(quasar.value.mean()), sigma=1000)}
model = ba.GaussianProcess(kernel, jitter=False, priors=flat)
model.fit(quasar, ba.Exact(draws=4000), seed=1)
answer = np.log10(model.posterior["posterior"]["tau"].values)

# %%
ba.exercises.check("10.11", answer)

# %% [markdown]
# **To think about.** What can be said that does not hang on the prior? Give a lower
# limit of tau, and vary the upper end of the prior. `sigma**2 / tau` is known far
# better than either: why?
