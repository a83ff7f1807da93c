# %% [markdown]
# # 6.2 The parallax of the Pleiades, nobody left out
#
# **Physics.** Within six degrees of the Pleiades Hipparcos measured 317 stars. The members
# move together, at about (20, -45) mas/yr, and lie at one distance; the others do neither.
# Where to cut? A tight cut loses members, a wide one takes in the field, and errors differ
# by a factor of ten.
#
# **Question.** Describe all stars at once. Members: one mean parallax and proper motion, a
# dispersion in parallax whose logarithm is normal about log 0.2 mas with standard
# deviation 0.5, one in both proper motions about log 1.5 mas/yr with 0.7. Field: a
# Gaussian of any mean and covariance, and a broad one about the medians of the columns,
# whose standard deviation in each is a third of the greatest distance from the median.
# Fractions are flat; the errors, correlated, are as stated. What are the parallax of the
# cluster, in mas, and the fraction of the stars that are members?
#
# **Answer.** A dictionary `{"parallax": ..., "fraction": ...}` of pairs `(mean, sd)`, or
# draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

stars = ba.load("pleiades-hipparcos")

# %% [markdown] tags=["hint"]
# With its errors a member is Gaussian about the cluster's mean, and so is a star of each
# of the field's two Gaussians: the density of a star is the sum of three, and nobody has
# to be called a member. ba.ClusterMembership(field=1) has this field; dispersions have
# the prior ba.Prior("LogNormal", mu=[np.log(0.2), np.log(1.5)], sigma=[0.5, 0.7]). In
# the posterior "mean" has the dimension "column".

# %% tags=["solution"]
priors = {"dispersion": ba.Prior("LogNormal", mu=[np.log(0.2), np.log(1.5)], sigma=[0.5, 0.7])}
guess = {"pmra": 20.0, "pmdec": -45.0}
model = ba.ClusterMembership(guess=guess, field=1, priors=priors)
draws = model.fit(stars, ba.NUTS(), seed=1, progress=False).posterior["posterior"]
answer = {
    "parallax": draws["mean"].sel(column="parallax").values,
    "fraction": draws["fraction"].values,
}

# %%
ba.exercises.check("6.2", answer)

# %% [markdown]
# **To think about.** Gaia finds 7.36 mas with an error of a hundredth. How many of your
# standard deviations is that? Nothing in the table says that Hipparcos errs here by a mas:
# its errors are correlated between neighbours on the sky (van Leeuwen 2009 found 8.32 +-
# 0.13), and no model of single stars knows it. What would a diagnosis have to see?
