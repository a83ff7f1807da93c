# %% [markdown]
# # 10.4 A second planet
#
# **Physics.** A planet moves its star; the velocity of the star changes with the planet's period. Two
# planets make two periods at once. HD 164922 was observed for nineteen years, with HIRES before (k)
# and after (j) a new detector and with APF (a).
#
# **Question.** One planet takes more than three years. What is the period of the second one, and how
# well is it known? Take both orbits for circles, look for periods from 2 to 4000 days, let each
# instrument have a zero point and a noise term of its own, and fit both planets together.
#
# **Answer.** The period in days: a pair `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import bayes_astro as ba

velocities = ba.load("hd164922")

# %% [markdown] tags=["hint"]
# All three instruments see the same planets, but each has a zero point and a scatter of its own:
# ba.Periodogram(amplitude=False) has an offset and a jitter for each. n_signals=2 draws both frequencies
# together; they stand in ascending order along the dimension "signal".

# %% tags=["solution"]
model = ba.Periodogram(period=(2, 4000), amplitude=False, n_signals=2).fit(velocities, seed=1)
answer = model.posterior["posterior"]["period"].sel(signal=2).values

# %%
ba.exercises.check("10.4", answer)

# %% [markdown]
# **To think about.** Two more planets are known. Try `n_signals="auto"`: what do `model.modes()` and
# the group `signals` say, and why does the diagnosis still not trust the fit?
