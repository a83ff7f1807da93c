# %% [markdown]
# # 5.2 A line with outliers
#
# **Physics.** Many relations in astronomy are straight lines in the right variables: Cepheids and
# the period-luminosity relation, galaxies and the Tully-Fisher relation. Some objects are simply
# not what they were taken for, and do not lie on the line. The 20 points here are the standard
# example of Hogg, Bovy & Lang (2010, arXiv:1008.4686).
#
# **Question.** What are slope and intercept of the line y = intercept + slope x? Use the errors in
# y only, all 20 points, no intrinsic scatter, and a model in which each point may be an outlier; the
# fraction of outliers is at most one half. No point is to be thrown out by hand.
#
# **Answer.** A fitted model, or a dictionary `{"slope": ..., "intercept": ...}` of numbers, pairs
# `(mean, sd)`, or draws as `(draw,)` or `(chain, draw)`.

# %%
import bayes_astro as ba

data = ba.load("hogg-2010")

# %% [markdown] tags=["hint"]
# Let every point be either good or bad: with probability 1 - f it scatters about the line by its own
# error bar, with probability f it comes from a broad Gaussian that knows nothing of the line. Summing
# the two densities for each point removes the question which points are bad.
# ba.LinearRelation(..., outliers=True) is this model; data.without_error("x") leaves the errors in x
# aside.

# %% tags=["solution"]
model = ba.LinearRelation("y", scatter=False, outliers=True)
model.fit(data.without_error("x"), seed=1, progress=False)
answer = model

# %%
ba.exercises.check("5.2", answer)

# %% [markdown]
# **To think about.** Which points are outliers, and how sure can one be? A fitted model knows:
# `model.posterior["outliers"]`. Is the first point one?
