# %% [markdown]
# # 8.5 A line with long tails
#
# **Physics.** The twenty points of exercise 5.2, the standard example of Hogg, Bovy &
# Lang (2010), have a few that are not what they were taken for. Instead of a second
# population one can take a distribution with long tails for the residuals: Student's t.
#
# **Question.** What are slope and intercept of the line y = intercept + slope x?
# Residuals in y, divided by their errors, follow Student's t with two degrees of
# freedom. Leave the errors in x aside, use all twenty points, and take flat priors.
#
# **Answer.** A dictionary `{"slope": ..., "intercept": ...}` of pairs `(mean, sd)`, or
# draws as `(draw,)` or `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

data = ba.load("hogg-2010")
x, y = data.column("x"), data.column("y")
error = data.error[:, data.index("y")]

# %% [markdown] tags=["hint"]
# A residual r (in its error) has the density `(1 + r**2 / 2)**-1.5`, up to a factor.
# Add the logarithms of the twenty on a grid of slope and intercept, and draw cells of
# the grid: slopes from 0.5 to 3.5, intercepts from -150 to 350.

# %% tags=["solution"]
slope = np.linspace(0.5, 3.5, 301)[:, None]
intercept = np.linspace(-150, 350, 501)
log_density = np.zeros((301, 501))
for one, its_y, its_error in zip(x, y, error):
    residual = (its_y - intercept - slope * one) / its_error
    log_density -= 1.5 * np.log1p(residual**2 / 2)
density = np.exp(log_density - log_density.max()).ravel()
cell = np.random.default_rng(1).choice(density.size, 4000, p=density / density.sum())
row, column = np.unravel_index(cell, log_density.shape)
answer = {"slope": slope[row, 0], "intercept": intercept[column]}

# %%
ba.exercises.check("8.5", answer)

# %% [markdown]
# **To think about.** Compare with exercise 5.2: are the errors larger or smaller, and
# why? What does the number of degrees of freedom stand for, and what would the data say
# of it?
