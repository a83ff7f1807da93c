# %% [markdown]
# # 5.5 Counts on and off a source
#
# **Physics.** A gamma-ray telescope looks at a source for one hour and counts 6 photons. Nobody can tell
# which of them come from the source and which from the sky around it, so it also looks beside the source
# for three hours, and counts 9 photons there. (The numbers are made up. Loredo 1992 and Li & Ma 1983
# treat the problem.)
#
# **Question.** What is the rate of the source, without background, in counts per hour? Take flat priors,
# above zero, for it and for the rate of the background.
#
# **Answer.** A number in counts per hour, a pair `(mean, sd)`, draws from the posterior, as `(draw,)` or
# `(chain, draw)`, or a fitted `ba.PoissonRate`.

# %%
import bayes_astro as ba

on, off, hours_off = 6, 9, 3.0

# %% [markdown] tags=["hint"]
# Both counts are Poisson: 6 with mean (rate + background) * 1 h, 9 with mean background * 3 h. Write the
# product of both probabilities for a grid of rate and background, both above zero; sum over the background,
# normalise, and draw from what is left. Or let ba.PoissonRate("independent") do it exactly: a Gamma prior
# with alpha=1 and a tiny beta is flat.

# %% tags=["solution"]
flat = ba.Prior("Gamma", alpha=1, beta=1e-6)
data = ba.Counts([on], [1.0], off_counts=[off], off_exposure=[hours_off])
model = ba.PoissonRate("independent", priors={"rate": flat, "background": flat})
answer = model.fit(data, seed=1, progress=False)

# %%
ba.exercises.check("5.5", answer)

# %% [markdown]
# **To think about.** Would the answer be the same if the background were known to be 3 counts per hour? And
# with the off counts of thirty hours instead of three? Take a prior that is flat in the logarithm of the
# rate (alpha tends to zero): does the posterior still exist, and what does that say of a detection with 6
# counts?
