# %% [markdown]
# # 9.5 A redshift from two poor colours
#
# **Physics.** Red galaxies are farther away: their colours tell the redshift, roughly.
# The 300 galaxies of a spectroscopic sample whose u magnitudes are the poorest are used
# to learn the density of colours and redshift; then the redshift of one more galaxy,
# with poor colours as well, is asked. Errors of both have to be accounted for, once.
# (Galaxies of the Sloan Digital Sky Survey.)
#
# **Question.** What is the redshift of the galaxy `target`? Describe the *true* colours
# u - g and g - r and the redshift of the 300 together by one Gaussian, behind their
# errors (its covariance has an inverse Wishart prior with nu = 4 and 0.01^2 times the
# unit matrix for its scale, its mean a flat or a wide one); then take what the measured
# colours of the target, with their errors, say of its redshift.
#
# **Answer.** The redshift: a number, a pair `(mean, sd)`, or draws as `(draw,)` or
# `(chain, draw)`.

# %%
import numpy as np

import bayes_astro as ba

galaxies = ba.load("sdss-galaxies")
magnitude = -2.5 * np.log10(galaxies.flux[:, :3])
variance = (1.0857 * galaxies.error[:, :3] / galaxies.flux[:, :3]) ** 2
colour = np.column_stack([-np.diff(magnitude), galaxies.redshift])
covariance = np.zeros((10_000, 3, 3))
covariance[:, 0, 0] = variance[:, 0] + variance[:, 1]
covariance[:, 1, 1] = variance[:, 1] + variance[:, 2]
covariance[:, 0, 1] = covariance[:, 1, 0] = -variance[:, 1]
poor = np.argsort(variance[:5000, 0])[-300:]
names = ("u-g", "g-r", "redshift")
training = ba.Measurements(colour[poor], covariance=covariance[poor], names=names)
unknown = np.append(colour[7260, :2], np.nan)
target = ba.Measurements([unknown], covariance=covariance[[7260]], names=names)

# %% [markdown] tags=["hint"]
# The two colours share g: their errors are correlated. ba.ExtremeDeconvolution(1) takes
# the covariances, and its predict() fills in what a galaxy does not have: give it the
# target with nan for the redshift. By hand: with the mean m and the covariance C of the
# true values, and S that of the errors of the colours, the redshift is a Gaussian with
# the mean m_z + C_zc (C_cc + S)^-1 (colours - m_c).

# %% tags=["solution"]
weak = {"covariance": ba.Prior("InverseWishart", nu=4, scale=0.01**2 * np.eye(3))}
model = ba.ExtremeDeconvolution(1, priors=weak)
model.fit(training, ba.Laplace(), seed=1, progress=False)
answer = model.predict(target)["signal"].values[..., 0, 2]

# %%
ba.exercises.check("9.5", answer)

# %% [markdown]
# **To think about.** Its spectroscopic redshift is 0.277. Is that a surprise? One
# Gaussian is a poor description of galaxies: what would `ba.XDPhotoZ`, with all five
# bands and many components, say?
