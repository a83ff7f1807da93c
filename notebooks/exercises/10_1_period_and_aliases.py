# %% [markdown]
# # 10.1 A period and its aliases
#
# **Physics.** The period of a Cepheid gives its luminosity, and so its distance. EROS-2 observed
# this one 617 times in the blue band, within six and a half years. A star that can be seen at
# night only is measured at nearly the same time of each day, and a frequency f then looks much like
# the frequency 1/day - f: its one-day *alias*.
#
# **Question.** What is the period, and how well is it known? Use three harmonics, the quoted
# errors, and look for periods from 1 to 20 days. And which period is the alias at 1/day - f?
#
# **Answer.** The period in days: a number (with all digits that its error allows), a pair
# `(mean, sd)`, draws as `(draw,)` or `(chain, draw)`, or a fitted model; or, with the alias, a
# dictionary `{"period": ..., "alias": ...}` of such.

# %%
import bayes_astro as ba

light_curve = ba.load("eros2-cepheid").select("B")

# %% [markdown] tags=["hint"]
# Let ba.Periodogram search from 1 to 20 days with three harmonics. The posterior of the period is
# far narrower than the peak of the periodogram: with 617 magnitudes the phase is known to a small
# part of a cycle at both ends of the light curve. For the alias turn every draw of the period into a
# frequency, subtract it from 1 / day, and turn it back.

# %% tags=["solution"]
model = ba.Periodogram(n_terms=3, period=(1, 20)).fit(light_curve, seed=1)
period = model.posterior["posterior"]["period"].values
answer = {"period": period, "alias": 1 / (1 - 1 / period)}

# %%
ba.exercises.check("10.1", answer)

# %% [markdown]
# **To think about.** The alias fits the same star with a period of less than a third. Try
# `ba.Periodogram(n_terms=3, period=(1, 3))`: what do its modes and its diagnosis say?
