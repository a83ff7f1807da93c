# %% [markdown]
# # 3.2 How pure is the selection?
#
# **Physics.** A colour cut was tried on sources of known kind: it kept 34 of 40 quasars
# and 9 of 500 stars. That looks good. In the field where it is going to be used one
# source in sixty is a quasar. (The numbers are made up.)
#
# **Question.** Which fraction of the sources that the cut keeps in the field are
# quasars? The fraction of quasars that it keeps and the fraction of stars that it keeps
# have flat priors from 0 to 1; one in sixty is exact.
#
# **Answer.** The purity: a number, a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

kept_quasars = 34
all_quasars = 40
kept_stars = 9
all_stars = 500
base_rate = 1 / 60

# %% [markdown] tags=["hint"]
# The fraction of quasars that are kept follows a Beta distribution with 35 and 7, that
# of the stars one with 10 and 492. Draw both, and use Bayes' theorem on each draw: base
# rate times one, divided by that plus (1 - base rate) times the other.

# %% tags=["solution"]
rng = np.random.default_rng(1)
quasars = rng.beta(kept_quasars + 1, all_quasars - kept_quasars + 1, size=4000)
stars = rng.beta(kept_stars + 1, all_stars - kept_stars + 1, size=4000)
answer = quasars / (quasars + (1 / base_rate - 1) * stars)

# %%
ba.exercises.check("3.2", answer)

# %% [markdown]
# **To think about.** Which of the three numbers limits the purity: the base rate, the
# completeness, or the false alarms? How many more stars would have to be tried to halve
# the error?
