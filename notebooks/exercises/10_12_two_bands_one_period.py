# %% [markdown]
# # 10.12 Two bands, one period
#
# **Physics.** The Cepheid of exercise 10.1 was observed in a red and a blue band. It
# pulsates once, with one period; but it swings by more in the blue.
#
# **Question.** What is its period, from both bands together? Describe each band by a
# mean and three harmonics of its own, with the errors as stated. The prior of the
# frequency is flat, the range 1 to 20 days.
#
# **Answer.** The period in days: a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import bayes_astro as ba

star = ba.load("eros2-cepheid")

# %% [markdown] tags=["hint"]
# ba.Periodogram takes a light curve with bands: they share the frequency, and have
# means, amplitudes and phases of their own. n_terms=3 and jitter=False for what is
# asked. The period is known to one part in a hundred thousand: give enough digits.

# %% tags=["solution"]
model = ba.Periodogram(period=(1, 20), n_terms=3, jitter=False).fit(star, seed=1)
answer = model.posterior["posterior"]["period"].values

# %%
ba.exercises.check("10.12", answer)

# %% [markdown]
# **To think about.** How would you combine two periods and their errors that somebody
# else found in the two bands? When would that not be as good as one fit? What does
# exercise 10.5 add?
