"""Bugs that the tests must see: each is planted by itself, and the tests named beside it must fail.

    python tests/planted_bugs.py [name ...] [--list]

The package and its tests are copied into a temporary folder and the bug is planted there: the working
tree is never edited. First the tests run on a copy without any bug, where all must pass; then on one
copy for each bug, where every test named beside it must fail. Within each run it is asserted that
what was imported is the copy, with the bug in it. Copies hold no caches. Compiled functions go into a
cache of their own where the bug is in a compiled file. Exit code 1 if a bug survives.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("bayes_astro", "tests", "models", "notebooks/exercises", "pyproject.toml")
LIMIT = 900  # seconds of one run


class Bug(NamedTuple):
    """What is planted, and the tests (files and functions below tests/) that must fail.

    ``equivalent`` says why a change can be seen by no test.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    equivalent: str = ""


NUTS = "samplers/test_nuts.py::"
DIAGNOSTICS = "test_diagnostics.py::"
PERIODS = "processes/test_periods.py::"
FAULTS = "test_faults.py::"
PROCESS = "processes/test_gaussian_process.py::"
LINE = "regression/test_linear_relation.py::"
KERNEL, OPTION = "regression/test_relation_kernels.py::", "regression/test_relation_options.py::"
BRUTE = KERNEL + "test_likelihood_is_that_of_brute_force_and_its_gradient_that_of_differences"
RATES = "populations/test_poisson_rate.py::"
WALK = "likelihoods/test_damped_random_walk.py::"
DAMPING = (
    "variability/test_damping_relation.py::"
    "test_damping_times_are_at_rest_with_the_density_of_their_interim_prior"
)
PAIRS = "clustering/test_pair_counts.py::"
XI = "clustering/test_two_point.py::"
CURVES, HUBBLE = "regression/test_relation.py::", "regression/test_distances.py::"
FACTORS = "spectra/test_factors.py::"
PRIOR = FACTORS + "test_draws_of_spectra_that_say_nothing_are_the_prior"
WRONG = "spectra/test_wrong_on_purpose.py::"
KINDS = "classes/test_mixture_classifier.py::"
BANDS, NOISE = "periodic/test_bands.py::", "periodic/test_noise.py::"
SIGNALS = "periodic/test_signals.py::"
JACKKNIFE = (
    "variability/test_structure_function.py::test_errors_of_the_bins_leave_out_one_series_at_a_time"
)
SYNCED = "test_storage.py::test_a_file_is_on_the_disk_before_it_takes_the_name"

BUGS = (
    # Of relations.
    Bug(
        "scatter-not-squared",
        "regression/point_errors.py",
        "precision = 1 / (variance + s * s)",
        "precision = 1 / (variance + s)",
        (CURVES + "test_the_density_is_that_of_a_multivariate_normal",),
    ),
    Bug(
        "offset-without-its-determinant",
        "regression/point_errors.py",
        "constant -= 0.5 * np.linalg.slogdet(inner)[1] + np.sum(np.log(self.width))",
        "constant -= np.sum(np.log(self.width))",
        (CURVES + "test_the_offset_integrated_out_is_the_integral_over_it",),
    ),
    Bug(
        "errors-in-common-left-out-of-predictions",
        "regression/point_errors.py",
        "return np.asarray((np.sqrt(variance + square) * unit) @ axes.T)",
        "return np.asarray(np.sqrt(self.variance + square) * unit)",
        (CURVES + "test_simulated_errors_have_the_covariance_that_is_stated",),
    ),
    Bug(
        "rows-not-given-those-before",
        "regression/point_errors.py",
        "white = solve_triangular(self.factor, residual.T, lower=True).T",
        "white = residual / np.diag(self.factor)",
        (CURVES + "test_rows_and_their_residuals_add_up_to_the_joint_density",),
    ),
    Bug(
        "offset-drawn-at-its-mean",
        "regression/relation_problem.py",
        'np.einsum("mjk,mk->mj", root, unit)',
        '0.1 * np.einsum("mjk,mk->mj", root, unit)',
        (CURVES + "test_the_offset_integrated_out_is_the_integral_over_it",),
    ),
    Bug(
        "luminosity-distance-undimmed",
        "regression/distances.py",
        "return FIVE * (np.log1p(dimmed) + np.log(across[0])), found, across",
        "return FIVE * np.log(across[0]), found, across",
        (HUBBLE + "test_flat_universes_are_those_of_astropy",),
    ),
    Bug(
        "curvature-the-wrong-way",
        "likelihoods/comoving_distance.py",
        "        if k > 0:",
        "        if k < 0:",
        (HUBBLE + "test_curved_universes_are_those_of_astropy",),
    ),
    Bug(
        "slope-of-the-pressure",
        "likelihoods/comoving_distance.py",
        "6 * energy * half[i] if a == 4",
        "3 * energy * half[i] if a == 4",
        (HUBBLE + "test_slopes_are_those_of_differences",),
    ),
    Bug(
        "tails-without-their-slope",
        "regression/relation_problem.py",
        "weight = (nu + 1) / (nu + ratio)",
        "weight = nu / (nu + ratio)",
        (CURVES + "test_students_t_is_that_of_scipy",),
    ),
    # Of spectra.
    Bug(
        "residuals-of-spectra-twice",
        "likelihoods/factors.py",
        "total += w * r * r",
        "total += 2.0 * w * r * r",
        (FACTORS + "test_products_are_loops_over_dense_normals",),
    ),
    Bug(
        "shears-without-the-coefficients",
        "likelihoods/factors.py",
        "total, pull = zz[b, b], -zz[a, b]",
        "total, pull = zz[b, b], 0.0",
        (PRIOR,),
    ),
    Bug(
        "precisions-of-students-t-doubled",
        "likelihoods/factors.py",
        "rng.standard_gamma(0.5 * (degrees + 1)) / rate",
        "rng.standard_gamma(1.0 * (degrees + 1)) / rate",
        (FACTORS + "test_tails_are_those_of_quadrature",),
    ),
    Bug(
        "sizes-of-coefficients-drawn-with-twice-the-spectra",
        "spectra/gibbs.py",
        "rng.chisquare(self.pixels.n, k)",
        "rng.chisquare(2 * self.pixels.n, k)",
        (PRIOR,),
    ),
    Bug(
        "sizes-without-their-prior",
        "spectra/gibbs.py",
        "total = a[at, at].sum() + (scale / wide) ** 2",
        "total = a[at, at].sum() + 0.25 * (scale / wide) ** 2",
        (PRIOR,),
    ),
    Bug(
        "floors-together-without-their-jacobian",
        "spectra/gibbs.py",
        "ratio = new.sum() - now.sum() + pair[0] - pair[1] + far",
        "ratio = new.sum() - now.sum() + pair[0] - pair[1]",
        (PRIOR,),
    ),
    Bug(
        "continuum-taken-off-twice",
        "spectra/expectation.py",
        "(scale * shapes[j])[:, None]",
        "(2.0 * scale * shapes[j])[:, None]",
        (FACTORS + "test_every_step_climbs",),
    ),
    Bug(
        "codes-with-the-prior-left-in",
        "spectra/predictions.py",
        "np.maximum(1 / values - 1, 1 / UNKNOWN)",
        "np.maximum(1 / values, 1 / UNKNOWN)",
        (FACTORS + "test_a_code_is_the_likelihood_of_coefficients",),
    ),
    Bug(
        "gaps-without-the-coefficients-uncertainty",
        "spectra/predictions.py",
        """            z, _ = tails.drawn(some, frame, rng)
            signal[s]""",
        """            z = about(some, frame).mean
            signal[s]""",
        (FACTORS + "test_predictions_agree_with_each_other",),
    ),
    Bug(
        "hidden-pixels-of-twice-the-noise",
        "spectra/choice.py",
        "data.error[rows, columns] ** 2",
        "4 * data.error[rows, columns] ** 2",
        (FACTORS + "test_the_number_of_factors_and_the_tails_are_chosen",),
    ),
    Bug(
        "spectra-of-any-kind",
        "spectra/checks.py",
        "UNUSUAL = 5e-4",
        "UNUSUAL = 5e-40",
        (WRONG + "test_what_is_wrong_is_named",),
    ),
    # Of classes.
    Bug(
        "colours-with-independent-errors",
        "classes/inputs.py",
        'covariance = np.einsum("nij,nj,nkj->nik", contrast, variance, contrast)',
        'covariance = np.einsum("nij,nj,nij->ni", contrast, variance, contrast)[:, :, None] * np.eye(m - 1)',
        (KINDS + "test_colours_are_those_of_neighbours_that_were_measured",),
    ),
    Bug(
        "classes-as-frequent-as-each-other",
        "classes/probabilities.py",
        "joint = density + np.log(fraction)[:, :, None]",
        "joint = density + 0 * np.log(fraction)[:, :, None]",
        (
            KINDS + "test_probabilities_are_bayes_rule_by_hand",
            KINDS + "test_nothing_measured_leaves_the_fractions",
        ),
    ),
    Bug(
        "fractions-without-their-prior",
        "classes/adaptation.py",
        "fraction = rng.dirichlet(alpha + np.bincount(z, minlength=len(alpha)))",
        "fraction = rng.dirichlet(1e-3 + np.bincount(z, minlength=len(alpha)))",
        (KINDS + "test_fractions_are_drawn_from_their_posterior",),
    ),
    Bug(
        "labels-counted-twice",
        "likelihoods/mixture_posterior.py",
        "gradient[c] += counts[c] / values[c]",
        "gradient[c] += 2.0 * counts[c] / values[c]",
        ("test_contract.py::test_density_is_that_of_the_graph",),
    ),
    # Of rates behind counts.
    Bug(
        "off-counts-known-exactly",
        "likelihoods/rate_population.py",
        "out[j] = tables[2, j + m] + j * slope - factorial[j] + common",
        "out[j] = tables[2, j] + j * slope - factorial[j] + common",
        (RATES + "test_every_source_is_the_integral_over_its_rates",),
    ),
    Bug(
        "one-count-too-few-for-the-source",
        "likelihoods/poisson_rate.py",
        "first = 0 if on > 0.0 else n\n    for k in range(first, n + 1):",
        "first = 1 if on > 0.0 else n\n    for k in range(first, n + 1):",
        (RATES + "test_the_density_is_prior_and_integrals",),
    ),
    Bug(
        "log-normal-rates-without-their-jacobian",
        "likelihoods/poisson_rate.py",
        "precision * off_mean * off_mean - math.log(both / precision))",
        "precision * off_mean * off_mean)",
        (RATES + "test_coordinates_of_log_normal_rates_change_nothing",),
    ),
    Bug(
        "rates-by-their-counts-alone",
        "populations/poisson_rate_problem.py",
        "rate = variates(count + 1 / phi)",
        "rate = variates(count + 1.0)",
        (RATES + "test_rates_given_the_population_are_those_of_bayes_theorem",),
    ),
    Bug(
        "new-sources-all-alike",
        "populations/rate_prediction.py",
        "return rng.gamma(1 / phi, phi * level, size=(len(level), count))",
        "return level + np.zeros((len(level), count))",
        (RATES + "test_new_counts_of_fitted_and_of_new_sources",),
    ),
    Bug(
        "residuals-at-the-lower-edge-of-the-step",
        "populations/poisson_rate.py",
        "u = fewer + same * np.random.default_rng(0).uniform(size=same.shape)",
        "u = fewer + 0.0 * same",
        (RATES + "test_residuals_are_unit_normals_under_the_population",),
    ),
    # Seen from the first by tests that were there.
    Bug(
        "harmonic-determinant-twice",
        "likelihoods/harmonic_blocks.py",
        "- tally[1, lane] - math.log(tally[2, lane])",
        "- tally[1, lane] - 2.0 * math.log(tally[2, lane])",
        ("likelihoods/test_harmonic.py::test_log_evidence_equals_dense_cholesky",),
    ),
    Bug(
        "own-parts-of-bands-without-their-determinant",
        "likelihoods/harmonic_blocks.py",
        "outer[j, lane] = inner[j, lane]",
        "outer[j, lane] = inner[j, lane] if j != 2 else 1.0",
        (BANDS + "test_log_evidence_equals_dense_cholesky",),
    ),
    Bug(
        "a-draw-of-a-band-without-the-common-part",
        "likelihoods/harmonic_kernel.py",
        "total -= work.products[b, row, column, 0] * common[m, k]",
        "total -= 0.0 * common[m, k]",
        (BANDS + "test_coefficients_follow_the_conjugate_gaussian",),
    ),
    Bug(
        "jitters-of-other-bands",
        "likelihoods/harmonic_kernel.py",
        "extra[i] = jitter[m, noise_of[i]] ** 2",
        "extra[i] = jitter[m, 0] ** 2",
        (BANDS + "test_jitter_of_each_band",),
    ),
    Bug(
        "jitters-beside-their-peak",
        "periodic/frequency_jitter.py",
        "            if near and rank > 0:",
        "            if near:",
        (BANDS + "test_jitters_of_a_strong_signal_are_those_at_its_peak",),
    ),
    Bug(
        "jitters-without-their-prior",
        "periodic/frequency_jitter.py",
        "return found + prior.log_prior(frequency) + noise.log_prior(x)",
        "return found + prior.log_prior(frequency)",
        (BANDS + "test_several_jitters_equal_a_quadrature",),
    ),
    Bug(
        "numbers-of-harmonics-all-alike",
        "periodic/frequency_density.py",
        "share = np.exp(evidence - evidence.max(axis=1, keepdims=True))",
        "share = np.exp(0.3 * (evidence - evidence.max(axis=1, keepdims=True)))",
        (BANDS + "test_the_number_of_harmonics_is_calibrated",),
    ),
    Bug(
        "proposal-of-one-order-of-the-signals",
        "periodic/signal_proposals.py",
        "found = np.logaddexp.reduce(orders, axis=0) - np.log(len(orders))",
        "found = np.logaddexp.reduce(orders, axis=0)",
        (SIGNALS + "test_draws_and_evidence_of_the_whole_square",),
    ),
    Bug(
        "prior-of-one-frequency-for-two",
        "periodic/frequency_signals.py",
        "found[inside] += setting.prior.log_prior(frequency).sum(axis=1)",
        "found[inside] += setting.prior.log_prior(frequency)[:, 0]",
        (SIGNALS + "test_draws_and_evidence_of_the_whole_square",),
    ),
    Bug(
        "trends-integrated-out-with-the-noise-of-all",
        "likelihoods/harmonic_signals.py",
        "vector = np.swapaxes(wx, 1, 2) @ z - (np.swapaxes(a, 1, 2) @ u)[..., 0]",
        "vector = np.swapaxes(wx, 1, 2) @ z",
        (SIGNALS + "test_log_evidence_equals_dense_algebra",),
    ),
    Bug(
        "own-part-of-a-band-given-nothing",
        "likelihoods/harmonic_signals.py",
        "rest = scale * (block.vector - _times(block.products, theta))",
        "rest = scale * block.vector",
        (SIGNALS + "test_coefficients_have_the_moments_of_the_regression",),
    ),
    Bug(
        "peaks-of-one-signal-given-the-others",
        "periodic/aliases.py",
        "    if whole.several and many:\n",
        "    if False:\n",
        (SIGNALS + "test_peaks_have_the_width_of_the_draws",),
    ),
    Bug(
        "sums-of-pairs-with-a-sign",
        "likelihoods/harmonic_correlated.py",
        "products[:, row, column + 1] = 0.5 * (plus - minus).imag",
        "products[:, row, column + 1] = 0.5 * (plus + minus).imag",
        (NOISE + "test_grid_equals_direct_sums",),
    ),
    Bug(
        "a-lattice-without-its-volume",
        "periodic/frequency_noise.py",
        "log_null = float(logsumexp(around.height) + around.log_volume)",
        "log_null = float(logsumexp(around.height))",
        (NOISE + "test_evidence_without_a_period_is_that_of_the_process",),
    ),
    Bug(
        "residuals-that-know-of-no-process",
        "periodic/red_noise.py",
        "scale[at] = np.log(np.diag(factor))",
        "scale[at] = 0.5 * np.log(np.diag(matrix))",
        (NOISE + "test_residuals_are_whitened_and_densities_add_up",),
    ),
    Bug(
        "ties-on-one-side",
        "calibration.py",
        "rng.uniform() * (1 + np.sum(kept == true))",
        "rng.uniform()",
        ("test_calibration.py::test_tied_values_share_their_ranks_evenly",),
    ),
    Bug(
        "walk-determinant-twice",
        "likelihoods/damped_random_walk_kernel.py",
        "total = -n * _LOG_2PI - work[_EXPONENT + i] - sums[0, i]",
        "total = -n * _LOG_2PI - 2.0 * work[_EXPONENT + i] - sums[0, i]",
        (WALK + "test_equal_to_a_dense_cholesky",),
    ),
    Bug(
        "walk-last-point-of-a-segment-left-out",
        "likelihoods/damped_random_walk_kernel.py",
        "last = min(first + LANES, n)",
        "last = min(first + LANES - 1, n)",
        (WALK + "test_equal_to_a_dense_cholesky",),
    ),
    Bug(
        "line-errors-ten-per-cent-larger",
        "likelihoods/relation_rows.py",
        "matrix[j, k] = population[c, j, k] + noise[i, j, k]",
        "matrix[j, k] = population[c, j, k] + 1.21 * noise[i, j, k]",
        (BRUTE,),
    ),
    Bug(
        "limits-on-the-other-side",
        "likelihoods/relation_rows.py",
        "sign0, sd0 = -float(kind[i, first]), math.sqrt(v0)",
        "sign0, sd0 = float(kind[i, first]), math.sqrt(v0)",
        (BRUTE,),
    ),
    Bug(
        "a-limits-gradient-without-the-other-columns",
        "likelihoods/relation_rows.py",
        "g[c, j] -= pull",
        "g[c, j] -= 0.0 * pull",
        (BRUTE,),
    ),
    Bug(
        "blocks-stay-without-their-chance",
        "likelihoods/blocks.py",
        "found[m, j] = top + math.log(total[m]) + stay[m, j - 1]",
        "found[m, j] = top + math.log(total[m])",
        ("blocks/test_bayesian_blocks.py::test_evidence_and_places_are_those_of_all_divisions",),
    ),
    Bug(
        "places-of-changes-without-the-prior",
        "blocks/blocks_problem.py",
        "np.exp(self.sums[:, :-1] + self.boundaries[0] + after[:, :-1] - ends[:, None])",
        "np.exp(self.sums[:, :-1] + after[:, :-1] - ends[:, None])",
        ("blocks/test_bayesian_blocks.py::test_evidence_and_places_are_those_of_all_divisions",),
    ),
    Bug(
        "divisions-drawn-without-the-prior",
        "likelihoods/blocks.py",
        "weight[i] = sums[i] + change[i] - stay[i]",
        "weight[i] = sums[i]",
        ("blocks/test_bayesian_blocks.py::test_evidence_and_places_are_those_of_all_divisions",),
    ),
    Bug(
        "gaps-of-exposure-are-counted",
        "data/events.py",
        "passed[2::2] = passed[1:-1:2]",
        "passed[2::2] = self.intervals[1:, 0] - self.intervals[0, 0]",
        ("blocks/test_bayesian_blocks.py::test_exposure_is_that_of_the_intervals",),
    ),
    Bug(
        "copied-events-pass",
        "blocks/bayesian_blocks.py",
        "True if same == 0 else (None if same < 0.01 else False)",
        "True if same == 0 else None",
        ("blocks/test_bayesian_blocks.py::test_wrong_on_purpose_is_named",),
    ),
    Bug(
        "two-limits-without-their-correlation",
        "likelihoods/relation_rows.py",
        "rho = min(max(sign * across / (sd0 * sd1), -1.0), 1.0)",
        "rho = 0.0",
        (BRUTE,),
    ),
    Bug(
        "sides-of-an-error-exchanged",
        "regression/rows.py",
        "for side, variance, at in ((1, above, first), (-1, below, first + 1)):",
        "for side, variance, at in ((-1, above, first), (1, below, first + 1)):",
        (BRUTE,),
    ),
    Bug(
        "sides-of-an-error-with-equal-shares",
        "regression/rows.py",
        "share[at] += np.log(2 * np.sqrt(variance) / whole)",
        "share[at] += 0.0 * whole",
        (BRUTE,),
    ),
    Bug(
        "errors-of-a-side-drawn-on-the-other",
        "regression/new_rows.py",
        "np.where(down, -below * size, above * size)",
        "np.where(down, above * size, -below * size)",
        ("regression/test_relation_options.py::test_scores_of_simulated_rows_are_unit_normals",),
    ),
    Bug(
        "shared-errors-of-the-diagonal-alone",
        "regression/joint_errors.py",
        "whole[a, :, a, :] += joint",
        "whole[a, :, a, :] += np.diag(np.diag(joint))",
        ("regression/test_joint_errors.py::test_density_is_that_of_one_normal_of_all_rows",),
    ),
    Bug(
        "shared-errors-whose-gradient-forgets-other-columns",
        "regression/joint_errors.py",
        "to_mean[known] += (u - pull).sum(axis=0)",
        "to_mean[known] += u.sum(axis=0)",
        ("regression/test_joint_errors.py::test_density_is_that_of_one_normal_of_all_rows",),
    ),
    Bug(
        "a-selection-without-its-width",
        "likelihoods/relation_components.py",
        "variance = matrix[c, last, last] + noise[i] + bounds[2] * bounds[2]\n            found, by_mean",
        "variance = matrix[c, last, last] + noise[i]\n            found, by_mean",
        (BRUTE,),
    ),
    Bug(
        "limits-of-true-values-with-errors",
        "regression/rows.py",
        'if data.limit_of == "true":\n            exact',
        'if data.limit_of == "neither":\n            exact',
        (OPTION + "test_scores_of_simulated_rows_are_unit_normals",),
    ),
    Bug(
        "shares-of-the-population-do-not-move-its-mean",
        "likelihoods/relation.py",
        "gradient[at[WEIGHT] + k] += slope[j] * mean[k, j] * to_whole",
        "gradient[at[WEIGHT] + k] += 0.0 * to_whole",
        (BRUTE,),
    ),
    Bug(
        "students-nodes-end-early",
        "likelihoods/relation.py",
        "DEEP = 40.0",
        "DEEP = 8.0",
        (KERNEL + "test_student_scatter_is_students_density",),
    ),
    Bug(
        "responses-drawn-without-the-selection",
        "regression/new_rows.py",
        "return rng.uniform(size=y.shape) < selection.chance(y)",
        "return rng.uniform(size=y.shape) < 1.0 + 0.0 * selection.chance(y)",
        (OPTION + "test_scores_of_simulated_rows_are_unit_normals",),
    ),
    Bug(
        "a-cut-sample-passes",
        "regression/line_checks.py",
        "False if gain >= CUT else",
        "None if gain >= CUT else",
        (OPTION + "test_wrong_on_purpose_is_named",),
    ),
    Bug(
        "r-hat-over-the-wrong-axis",
        "diagnostics.py",
        "float(array_stats.rhat(chains, **axes))",
        "float(array_stats.rhat(chains, chain_axis=1, draw_axis=0))",
        (DIAGNOSTICS + "test_one_parameter_on_which_chains_disagree_fails_r_hat",),
    ),
    Bug(
        "asinh-slope-with-half-the-softening",
        "data/magnitudes.py",
        "slope = np.hypot(flux, 2 * b * zero)",
        "slope = np.hypot(flux, b * zero)",
        ("data/test_photometry.py::test_asinh_magnitudes_invert_their_definition",),
    ),
    Bug(
        "log-convention-inverted",
        "data/magnitudes.py",
        "factor = np.expm1(factor)",
        "factor = np.log1p(factor)",
        ("data/test_photometry.py::test_magnitudes_against_astropy",),
    ),
    Bug(
        "rename-not-atomic",
        "storage.py",
        "        os.replace(temporary, path)",
        "        path.write_bytes(Path(temporary).read_bytes())\n        os.unlink(temporary)",
        (SYNCED,),
    ),
    Bug(
        "frequency-prior-dropped-from-the-weights",
        "periodic/frequency_posterior.py",
        "log_weight = log_evidence_many(problem, frequency) + prior.log_prior(frequency)",
        "log_weight = log_evidence_many(problem, frequency)",
        ("periodic/test_frequency_posterior.py::test_draws_and_evidence_equal_brute_force",),
    ),
    Bug(
        "structure-function-noise-subtracted-once",
        "baselines/structure_function.py",
        "- error[i] ** 2 - error[j] ** 2",
        "- error[i] ** 2",
        (JACKKNIFE,),
    ),
    Bug(
        "maximum-without-the-prior-of-the-weights",
        "mixtures/expectation.py",
        "counts = np.maximum(counts + prior.alpha - 1, 0.0)",
        "counts = np.maximum(counts, 0.0)",
        ("density/test_expectation.py::test_where_it_ends_is_a_maximum",),
    ),
    Bug(
        "population-not-divided-by-the-interim-prior",
        "data/binned_redshifts.py",
        "return self.probability / self.interim_prior[:, None]",
        "return self.probability",
        (
            "photoz/test_n_of_z.py::"
            "test_an_object_counts_with_its_probabilities_over_the_interim_prior",
        ),
    ),
    Bug(
        "sigma-nmad-without-one-plus-z",
        "photoz/scores.py",
        'error = (table["mode"].to_numpy() - z) / (1 + z)',
        'error = table["mode"].to_numpy() - z',
        ("photoz/test_baselines.py::test_scores_of_a_known_density",),
    ),
    Bug(
        "diagnosis-table-unescaped",
        "diagnostics.py",
        "{html.escape(text)}",
        "{text}",
        ("test_report.py::test_notebook_tables_escape_too",),
    ),
    Bug(
        "report-unescaped",
        "report.py",
        "return html.escape(str(text), quote=True)",
        "return str(text)",
        ("test_report.py::test_500_payloads_leave_no_live_tag",),
    ),
    Bug(
        "pairs-across-patches-left-out-twice",
        "clustering/landy_szalay.py",
        "return self.total - self.inside - alpha * self.across",
        "return self.total - self.inside - self.across",
        (PAIRS + "test_estimates_and_jackknife_are_those_of_brute_force",),
    ),
    Bug(
        "pairs-of-an-object-with-itself",
        "clustering/pair_counting.py",
        "anywhere = 0.5 * (self.weight**2 - self.square)",
        "anywhere = 0.5 * self.weight**2",
        (PAIRS + "test_estimates_and_jackknife_are_those_of_brute_force",),
    ),
    Bug(
        "a-normal-for-a-jackknife",
        "clustering/estimates.py",
        "return self.constant - 0.5 * self.patches * m.log1p(squares / (self.patches - 1))",
        "return self.constant - 0.5 * squares",
        (XI + "test_scatter_is_the_multivariate_t_of_a_jackknife",),
    ),
    Bug(
        "bins-at-their-middles",
        "clustering/correlation_form.py",
        "return r ** KINDS[kind]",
        "return r ** (KINDS[kind] - 1)",
        (XI + "test_bins_hold_the_mean_over_their_pairs",),
    ),
    Bug(
        "constraint-added",
        "likelihoods/two_point.py",
        "mean[i] = amplitude * by_amplitude[i] - offset",
        "mean[i] = amplitude * by_amplitude[i] + offset",
        (XI + "test_an_integral_constraint_is_seen_and_fitted",),
    ),
    Bug(
        "rest-frame-the-wrong-way",
        "variability/damping_relation.py",
        "np.log10(tau / (1 + redshift[i]))",
        "np.log10(tau * (1 + redshift[i]))",
        (DAMPING,),
    ),
    Bug(
        "interim-prior-without-its-jacobian",
        "variability/damping_relation.py",
        ".log_density(tau) + np.log(tau * np.log(10))",
        ".log_density(tau)",
        (DAMPING,),
    ),
    Bug(
        "common-error-as-a-variance",
        "photoz/conditional.py",
        'values("common_error")[:, None, None, None] ** 2',
        'values("common_error")[:, None, None, None]',
        (
            "photoz/test_joint_mixture.py::"
            "test_the_common_error_is_a_standard_deviation_of_all_magnitudes",
        ),
    ),
    Bug(
        "coverage-95-at-90",
        "sample_scores.py",
        "[0.025, 0.16, 0.84, 0.975]",
        "[0.05, 0.16, 0.84, 0.95]",
        ("test_comparison.py::test_coverage_is_the_share_of_rows_within_central_intervals",),
    ),
    # Survivors of the first run; their tests were written for them.
    Bug(
        "nuts-never-stops-tuning",
        "samplers/pymc_steps.py",
        "step.stop_tuning()",
        "pass",
        (NUTS + "test_the_step_size_is_constant_once_draws_are_kept",),
    ),
    Bug(
        "nuts-chains-share-a-seed",
        "samplers/pymc_steps.py",
        "seeds = np.random.SeedSequence(seed).spawn(settings.chains + 1)",
        "seeds = [np.random.SeedSequence(seed) for _ in range(settings.chains + 1)]",
        (NUTS + "test_chains_from_one_start_differ",),
    ),
    Bug(
        "light-curve-forgets-its-unit",
        "data/light_curve.py",
        "for f in fields(self)[4:-1]}",
        'for f in fields(self)[4:-1] if f.name != "value_unit"}',
        (
            "data/test_containers.py::TestLightCurve::"
            "test_arrays_and_metadata_rebuild_it_bit_for_bit",
            "test_storage.py::test_units_and_labels_of_the_data_come_back",
            "test_storage.py::test_arrays_and_metadata_hold_every_field",
        ),
    ),
    Bug(
        "file-not-synced",
        "storage.py",
        "os.fsync(file.fileno())",
        "file.flush()",
        (SYNCED,),
    ),
    Bug(
        "one-seed-for-all-objects",
        "objects.py",
        'f"{seed} {name}".encode()',
        'f"{seed}".encode()',
        ("test_catalog.py::test_every_object_has_a_seed_of_its_own",),
    ),
    Bug(
        "summary-quantiles-at-20-and-80",
        "diagnostics.py",
        "[0.025, 0.16, 0.5, 0.84, 0.975]",
        "[0.025, 0.2, 0.5, 0.8, 0.975]",
        (DIAGNOSTICS + "test_summary_is_numpys_mean_sd_and_quantiles",),
    ),
    Bug(
        "effective-draws-of-the-best-parameter",
        "diagnostics.py",
        "bool(column.min() >= ESS)",
        "bool(column.max() >= ESS)",
        (DIAGNOSTICS + "test_one_slow_parameter_of_five_fails_the_effective_sample_size",),
    ),
    Bug(
        "emcee-by-its-shortest-autocorrelation-time",
        "samplers/emcee.py",
        "longest = float(times.max()) if finite else np.inf",
        "longest = float(times.min()) if finite else np.inf",
        (DIAGNOSTICS + "test_emcee_is_judged_by_its_longest_autocorrelation_time",),
    ),
    Bug(
        "goodness-of-fit-with-more-degrees-of-freedom",
        "diagnostics.py",
        "chi2.sf(squares, residuals.shape[-1])",
        "chi2.sf(squares, 1.5 * residuals.shape[-1])",
        (DIAGNOSTICS + "test_goodness_of_fit_is_the_chi_square_of_the_residuals",),
    ),
    Bug(
        "bias-of-the-wrong-sign",
        "sample_scores.py",
        "np.sqrt(np.mean(error**2)), error.mean()",
        "np.sqrt(np.mean(error**2)), -error.mean()",
        ("test_comparison.py::test_two_draws_are_mixed_and_the_bias_is_prediction_minus_truth",),
    ),
    Bug(
        "folds-that-see-what-they-predict",
        "cross_validation.py",
        "self._fit(name, model, self.data[kept])",
        "self._fit(name, model, self.data)",
        (
            "test_cross_validation.py::test_every_fit_leaves_its_rows_out_and_all_models_have_the_same_folds",
            "test_cross_validation.py::test_leaving_out_each_row_has_a_closed_form",
        ),
    ),
    Bug(
        "rows-of-a-group-count-each",
        "cross_validation.py",
        "_, code = np.unique(cluster, return_inverse=True)",
        "code = np.arange(len(cluster))",
        ("test_cross_validation.py::test_groups_and_blocks_count_as_one",),
    ),
    Bug(
        "groups-that-are-split",
        "folds.py",
        "return of_group[groups]",
        "return rng.permutation(of_group[groups])",
        ("test_cross_validation.py::test_groups_are_never_split_and_folds_are_even",),
    ),
    Bug(
        "importance-sampling-of-rows-that-depend",
        "leave_one_out.py",
        "return bool(np.allclose(whole, without, rtol=SAME, atol=SAME))",
        "return True",
        ("test_cross_validation.py::test_rows_that_depend_on_each_other_have_none",),
    ),
    Bug(
        "bootstrap-without-replacement",
        "baselines/relation_regressor.py",
        "rows = np.sort(rng.integers(n, size=n))",
        "rows = np.sort(rng.permutation(n)[: n - n // 10])",
        (
            "regression/test_baselines.py::test_bootstrap_errors_of_least_squares_are_the_analytic_ones",
        ),
    ),
    Bug(
        "a-width-that-has-seen-its-point",
        "baselines/regressions.py",
        "predict(x, without=True)",
        "predict(x)",
        ("regression/test_baselines.py::test_local_means_are_those_of_nadaraya_and_watson",),
    ),
    Bug(
        "outliers-set-the-scatter",
        "baselines/noise.py",
        "if tried[best][1] > tried[np.inf][1] + GAIN else np.inf",
        "if False else np.inf",
        (
            "regression/test_baselines.py::test_single_outliers_set_neither_robust_lines_nor_the_scatter",
        ),
    ),
    Bug(
        "log-score-as-a-mean-of-logarithms",
        "predictions.py",
        "return logsumexp(density, axis=0) - np.log(len(density))",
        "return np.mean(density, axis=0)",
        ("test_comparison.py::test_two_draws_are_mixed_and_the_bias_is_prediction_minus_truth",),
    ),
    Bug(
        # Within the scores a reversed PIT changes nothing: all that they take of it is symmetric.
        "pit-from-above",
        "photoz/on_grid.py",
        "np.array([np.interp(t[i], edges, below[i]) for i in range(len(t))])",
        "np.array([1 - np.interp(t[i], edges, below[i]) for i in range(len(t))])",
        ("photoz/test_baselines.py::test_the_pit_is_the_probability_below_the_redshift",),
    ),
    Bug(
        "new-rows-with-another-bands-errors",
        "data/curve.py",
        "np.repeat(self.each(np.median, self.data.error), len(time))",
        "np.repeat(self.each(np.median, self.data.error)[::-1], len(time))",
        (PROCESS + "test_new_observations_scatter_by_the_errors_and_jitter_of_their_band",),
    ),
    Bug(
        "coefficient-errors-as-variances",
        "baselines/gaussian_process.py",
        "np.sqrt(np.diag(spread))",
        "np.diag(spread)",
        (PROCESS + "test_errors_of_the_coefficients_are_those_of_dense_algebra",),
    ),
    Bug(
        "outliers-with-half-the-noise",
        "processes/prediction.py",
        "rng.gamma(DEGREES / 2, 2 / DEGREES, len(time))",
        "rng.gamma(DEGREES / 2, 8 / DEGREES, len(time))",
        (PROCESS + "test_new_noise_with_outliers_is_student_t_with_four_degrees_of_freedom",),
    ),
    Bug(
        "white-noise-over-the-spacing",
        "processes/spectra.py",
        "spacing * np.mean(noise_variance(values, data.error, band))",
        "np.mean(noise_variance(values, data.error, band)) / spacing",
        (PROCESS + "test_white_noise_has_the_power_of_its_variance_over_the_sampling_rate",),
    ),
    Bug(
        "ljung-box-with-more-degrees-of-freedom",
        "residuals.py",
        "chi2.sf(statistic, lags)",
        "chi2.sf(statistic, 3 * lags)",
        (DIAGNOSTICS + "test_white_residuals_are_judged_by_ljung_and_box",),
    ),
    Bug(
        "line-residuals-without-the-errors-covariance",
        "likelihoods/relation_components.py",
        "m += across * u[j]",
        "m += matrix[c, j, target] * u[j]",
        (LINE + "test_residuals_given_the_predictors_are_those_of_the_joint_normal",),
    ),
    Bug(
        "orthogonal-regression-errors-ten-per-cent-larger",
        "baselines/linear_relation.py",
        "back @ result.cov_beta @ back.T",
        "1.21 * back @ result.cov_beta @ back.T",
        (LINE + "test_errors_of_least_squares_are_those_of_the_normal_equations",),
    ),
    Bug(
        "slope-prior-twice-as-wide",
        "regression/relation_priors.py",
        "beta=listed(spread / width)",
        "beta=listed(2 * spread / width)",
        ("test_priors.py::test_default_priors_are_these_numbers",),
    ),
    Bug(
        "jackknife-errors-too-large",
        "baselines/structure_function.py",
        "(blocks - 1) / blocks * np.sum",
        "1.4 * (blocks - 1) / blocks * np.sum",
        (JACKKNIFE,),
    ),
    Bug(
        "marginal-density-without-its-determinant",
        "processes/periods.py",
        "0.5 * (p * np.log(2 * np.pi) - log_det)",
        "0.5 * (p * np.log(2 * np.pi) - 0.5 * log_det)",
        (PERIODS + "test_marginal_density_of_a_frequency_is_that_of_dense_algebra",),
    ),
    Bug(
        "proposed-frequencies-at-half-their-density",
        "processes/period_evidence.py",
        "share = np.log(scan.proposal(self.temper)[cell] / scan.width[cell])",
        "share = np.log(0.5 * scan.proposal(self.temper)[cell] / scan.width[cell])",
        (PERIODS + "test_evidence_is_that_of_a_dense_quadrature",),
    ),
    Bug(
        "orbits-proposed-at-twice-their-density",
        "processes/period_evidence.py",
        "0.5 * z**2 + np.log(np.sqrt(2 * np.pi) * scale)",
        "0.5 * z**2 + np.log(np.sqrt(np.pi) * scale)",
        (PERIODS + "test_orbits_of_any_eccentricity_are_proposed_with_their_density",),
    ),
    Bug(
        "other-periods-never-far",
        "processes/periods.py",
        "apart = 1 / self.span",
        "apart = 1e9 / self.span",
        (PERIODS + "test_several_periods_are_said_to_be_several",),
    ),
    Bug(
        "distances-of-rows-halved",
        "mixtures/row_checks.py",
        "chi2.sf(found.distance, ",
        "chi2.sf(0.5 * found.distance, ",
        (FAULTS + "test_rows_of_a_density_say_what_is_wrong",),
    ),
    Bug(
        "prior-of-a-sentinel",
        "mixtures/selection.py",
        "return np.minimum(found, inputs.scaled_frame(data)[1] ** 2)",
        "return found",
        (FAULTS + "test_a_sentinel_row_is_named_and_the_prior_does_not_see_it",),
    ),
    Bug(
        "rows-under-a-projection-never-far",
        "mixtures/selection.py",
        "TRIMS, FAR = 5, 12.0",
        "TRIMS, FAR = 5, 1e12",
        (FAULTS + "test_a_sentinel_under_a_projection_is_not_seen_by_the_prior",),
    ),
    Bug(
        "harmonics-left-out-halved",
        "processes/kernels/oscillators.py",
        "kept = kept + 2 * ive(n, z)",
        "kept = kept + ive(n, z)",
        (FAULTS + "test_a_quasi_periodic_kernel_has_the_harmonics_that_its_data_need",),
    ),
    Bug(
        "tails-of-residuals-not-tested",
        "residuals.py",
        "least = min(1.0, 2 * min(shape, tails))",
        "least = min(1.0, 2 * shape)",
        (DIAGNOSTICS + "test_heavy_tails_are_noted_and_heavier_ones_fail",),
    ),
    Bug(
        "curves-of-third-order-not-tested",
        "residuals.py",
        "powers = np.vander(score, 4, increasing=True)",
        "powers = np.vander(score, 3, increasing=True)",
        (DIAGNOSTICS + "test_a_curve_against_a_predictor_is_named",),
    ),
    Bug(
        "errors-of-another-column-scaled",
        "stated_errors.py",
        "np.where(np.arange(len(names)) == j, factor, one)",
        "np.where(np.arange(len(names)) != j, factor, one)",
        (DIAGNOSTICS + "test_the_gain_of_other_errors_is_that_of_the_maximum",),
    ),
    Bug(
        "distance-from-a-prior-by-its-mean-alone",
        "prior_checks.py",
        "z = mean / np.sqrt(np.maximum(1 - variance, LEAST))",
        "z = mean",
        ("test_prior_checks.py::test_distances_are_those_of_gaussians",),
    ),
    Bug(
        "tails-of-a-prior-rounded-to-one",
        "priors.py",
        "ndtri_exp(self._scipy().logcdf(x))",
        "ndtri_exp(np.log(self._scipy().cdf(x)))",
        (
            "test_prior_checks.py::test_scores_are_quantiles_of_the_unit_normal",
            "test_prior_checks.py::test_a_width_of_zero_is_no_surprise_and_a_large_one_is",
        ),
    ),
    Bug(
        "a-posterior-at-an-end-is-not-cut",
        "prior_checks.py",
        "(mean < PILED * sd)",
        "(2 * mean < PILED * sd)",
        ("test_prior_checks.py::test_a_posterior_that_is_cut_is_noted",),
    ),
    Bug(
        "judges-train-too",
        "photoz/held_out.py",
        "data[np.setdiff1d(np.arange(len(data)), part)]",
        "data",
        ("photoz/test_held_out.py::test_the_objects_that_judge_did_not_train",),
    ),
    Bug(
        "coverage-of-half-intervals",
        "photoz/held_out.py",
        "np.abs(pit - 0.5) < level / 2",
        "np.abs(pit - 0.5) < level / 4",
        ("photoz/test_held_out.py::test_verdicts",),
    ),
    Bug(
        "the-background-hides-strangers",
        "photoz/evidence.py",
        "weight[:, -1] = 0.0",
        "weight[:, -1] *= 1.0",
        ("photoz/test_held_out.py::test_the_background_is_no_reference_of_what_is_usual",),
    ),
    Bug(
        "weight-by-the-error-not-its-square",
        "residuals.py",
        "weight = np.asarray(error, dtype=float) ** -2.0",
        "weight = np.asarray(error, dtype=float) ** -1.0",
        (DIAGNOSTICS + "test_a_row_that_decides_is_named",),
    ),
    Bug(
        "residuals-beside-errors-without-sign",
        "residuals.py",
        "test = spearmanr(rows.mean(axis=0), error)",
        "test = spearmanr(np.abs(rows).mean(axis=0), error)",
        (DIAGNOSTICS + "test_errors_that_go_with_residuals_are_named",),
    ),
    Bug(
        "aliases-twice-as-far",
        "periodic/aliases.py",
        "(abs(frequency - stronger), frequency + stronger)",
        "(2 * abs(frequency - stronger), frequency + stronger)",
        ("periodic/test_periodogram.py::test_aliases_are_those_of_the_times_observed",),
    ),
    Bug(
        "aliases-that-the-signal-could-tell",
        "periodic/harmonics.py",
        "same = np.clip(1 - TELLS / max(signal, TELLS), REPEATS, SURE)",
        "same = REPEATS",
        (FAULTS + "test_a_nightly_cadence_finds_a_short_period_or_says_that_it_cannot",),
    ),
    Bug(
        "jitter-beside-half-of-the-errors",
        "periodic/periodogram_checks.py",
        "size = np.sqrt(curve.each(np.mean, error**2))",
        "size = 2 * np.sqrt(curve.each(np.mean, error**2))",
        (DIAGNOSTICS + "test_jitter_that_stands_for_structure_is_noted",),
    ),
    Bug(
        "backgrounds-scaled-by-nothing",
        "populations/rate_checks.py",
        "background=factor * data.background",
        "background=data.background",
        ("populations/test_poisson_rate.py::test_a_background_stated_twice_is_named",),
    ),
    Bug(
        "gain-in-counts-not-seen",
        "populations/rate_checks.py",
        "np.gcd.reduce(seen)",
        "np.min(seen) // np.min(seen)",
        ("populations/test_poisson_rate.py::test_counts_that_are_no_single_events_fail",),
    ),
    Bug(
        "errors-scaled-by-all-rows",
        "baselines/linear_relation.py",
        "np.sum(residual**2 / total) / free",
        "np.sum(residual**2 / total) / len(residual)",
        (
            "regression/test_linear_relation.py::test_errors_of_least_squares_are_those_of_the_normal_equations",
        ),
    ),
    Bug(
        "ctrl-c-lost-in-a-file",
        "storage.py",
        "            signal.raise_signal(signal.SIGINT)",
        "            pass",
        ("samplers/test_interrupts.py::test_ctrl_c_waits_while_a_file_is_read_or_written",),
    ),
    Bug(
        "phases-from-another-epoch",
        "data/light_curve.py",
        "np.mod(self.time - epoch, length)",
        "np.mod(self.time + epoch, length)",
        ("periodic/test_window.py::test_phases_are_those_of_the_period",),
    ),
    Bug(
        "most-improbable-draw",
        "periodic/signal_left.py",
        "np.argmax(height)",
        "np.argmin(height)",
        ("periodic/test_window.py::test_what_the_period_leaves",),
    ),
    Bug(
        "numbers-pass-by-their-mean",
        "exercises/checking.py",
        "return result.mean_agrees and not result.sd_agrees",
        "return False",
        ("exercises/test_gate.py::test_no_number_passes_that_a_mistake_leads_to",),
    ),
    Bug(
        "widths-judge-exact-numbers",
        "exercises/answers.py",
        "if quantity.tolerance is not None:",
        "if False:",
        ("exercises/test_gate.py::test_an_exact_number_is_judged_by_the_number_alone",),
    ),
    Bug(
        "an-exercise-overwrites-work",
        "exercises/blank.py",
        'target.open("x"',
        'target.open("w"',
        ("exercises/test_notebooks.py::test_a_blank_is_written_once",),
    ),
    Bug(
        "masks-are-dropped",
        "exercises/floats.py",
        "if np.ma.is_masked(array):",
        "if False:",
        ("exercises/test_hostile_answers.py::test_what_is_no_answer_is_refused_in_a_sentence",),
    ),
    Bug(
        "a-value-that-repeats-unseen",
        "diagnostics.py",
        "(not check.passed, check.figure)",
        "(check.passed, -check.figure)",
        (FAULTS + "test_a_value_that_repeats_in_one_column_is_named",),
    ),
    Bug(
        "defaults-made-once",
        "calibration.py",
        "if defaults_anew else priors",
        "if not defaults_anew else priors",
        ("test_calibration.py::test_defaults_are_made_anew_where_that_is_asked",),
    ),
    Bug(
        "range-of-periods-to-twice-nyquist",
        "periodic/harmonics.py",
        "high = min(high, 0.5 / usual)",
        "high = min(high, 1.0 / usual)",
        (FAULTS + "test_the_range_ends_where_the_sampling_repeats_itself",),
    ),
    Bug(
        "range-of-periods-to-eight-hours",
        "periodic/harmonics.py",
        "PER_DAY = 6.0",
        "PER_DAY = 3.0",
        (FAULTS + "test_the_range_ends_where_the_sampling_repeats_itself",),
    ),
    Bug(
        "window-of-half-the-power",
        "periodic/harmonics.py",
        "np.abs(modes[count:] / len(time)) ** 2",
        "0.5 * np.abs(modes[count:] / len(time)) ** 2",
        (FAULTS + "test_the_window_is_that_of_its_definition",),
    ),
    Bug(
        "noise-about-a-period-halved",
        "residuals.py",
        "np.mean(np.abs(wave @ row) ** 2) / len(time)",
        "np.mean(np.abs(wave @ row) ** 2) / (2 * len(time))",
        (FAULTS + "test_noise_about_the_period_has_the_power_of_its_variance",),
    ),
    Bug(
        "noise-about-another-draws-period",
        "periodic/periodogram_checks.py",
        'residuals.some(model)["frequency"].values.reshape(len(rows), -1).T',
        'residuals.some(model)["frequency"].values.reshape(len(rows), -1).T[:, ::-1]',
        (FAULTS + "test_noise_about_the_period_is_that_of_each_draw",),
    ),
    Bug(
        "second-signal-at-twice-the-odds",
        "periodic/periodogram_checks.py",
        "odds = found.log_evidence - found.log_evidence_null",
        "odds = 0.5 * (found.log_evidence - found.log_evidence_null)",
        (FAULTS + "test_the_odds_of_a_second_signal_are_those_of_a_fit_to_the_rest",),
    ),
    Bug(
        "errors-as-stated-halved",
        "stated_errors.py",
        "gain = max(0.0, found[name, factor] - as_stated)",
        "gain = 0.5 * max(0.0, found[name, factor] - as_stated)",
        (FAULTS + "test_the_gain_of_other_errors_is_that_of_the_evidence",),
    ),
    Bug(
        "bins-with-half-a-tenth-of-an-object",
        "data/binned_redshifts.py",
        "np.flatnonzero(expected < FEWEST)",
        "np.flatnonzero(2 * expected < FEWEST)",
        (FAULTS + "test_a_bin_must_hold_a_tenth_of_an_object",),
    ),
    Bug(
        "a-repeated-redshift-half-as-common",
        "diagnostics.py",
        "share = most / len(values)",
        "share = 0.5 * most / len(values)",
        (FAULTS + "test_a_redshift_that_stands_out_is_named",),
    ),
    Bug(
        "calibration-width-tested-on-one-side",
        "calibration.py",
        "float(2 * min(tail, 1 - tail))",
        "float(min(tail, 1 - tail))",
        ("test_calibration.py::test_verdicts_have_the_probabilities_of_scipy",),
    ),
    # Not a bug.
    Bug(
        "fixed-parameters-of-one-name-are-one",
        "processes/kernels/base.py",
        "if leaf.is_free(p) else every.count(p) == 1",
        "if leaf.is_free(p) else p not in free",
        ("processes/test_kernels.py::test_fixed_parameters_of_one_name_stay_apart",),
    ),
    Bug(
        "heavy-tails-of-a-line-are-a-note",
        "regression/line_checks.py",
        'heavy = {} if model.outliers or model.robust else {"heavy": 1e-4}',
        "heavy = {}",
        ("test_faults.py::test_a_few_far_points_fail_a_line_that_knows_no_outliers",),
    ),
    Bug(
        "an-unknown-redshift-lies-above-its-density",
        "photoz/conditional.py",
        "log_density[:, unknown] = below[:, unknown] = np.nan",
        "log_density[:, unknown] = np.nan",
        ("photoz/test_joint_mixture.py::test_of_an_unknown_redshift_nothing_is_known",),
    ),
    Bug(
        "columns-are-taken-for-rows",
        "data/measurements.py",
        "if rows and 1 < len(parts) < len(parts[0]):",
        "if False:",
        ("data/test_containers.py::test_columns_in_the_place_of_rows_are_named",),
    ),
    Bug(
        "an-interrupt-among-the-arguments-of-nutpie",
        "samplers/nutpie_steps.py",
        '    with interruptible() as interrupt, Progress(total, "NUTS", shown=progress) as bar:\n',
        "    _model_by_address(_lib, problem, frame, start)\n"
        '    with interruptible() as interrupt, Progress(total, "NUTS", shown=progress) as bar:\n',
        ("samplers/test_interrupts.py::test_while_nutpie_takes_its_model",),
    ),
    Bug(
        "laplace-density-without-its-widths",
        "samplers/curvature.py",
        "            - np.log(self.width).sum()\n",
        "",
        equivalent="only Kish's efficiency is made of it, in which a constant factor cancels",
    ),
    Bug(
        "dispersion-gradient-without-the-wings",
        "likelihoods/cluster_membership.py",
        "                toward[i, j] += c * c * to_covariance[1, i, j]\n",
        "                pass\n",
        ("membership/test_cluster_membership.py::test_gradient_is_that_of_differences",),
    ),
    Bug(
        "field-without-its-bound",
        "membership/cluster_problem.py",
        "self.bound = width**2 if bounded else np.zeros(self.d)",
        "self.bound = np.zeros(self.d)",
        (
            "membership/test_cluster_membership.py::"
            "test_no_gaussian_of_the_field_is_narrower_than_the_region",
            "membership/test_cluster_membership.py::test_posterior_density_is_prior_times_likelihood",
        ),
    ),
    Bug(
        "wings-scaled-in-variance",
        "membership/cluster_layout.py",
        "covariances.append(scale[:, None, None] ** 2 * own)",
        "covariances.append(scale[:, None, None] * own)",
        (
            "membership/test_cluster_membership.py::"
            "test_density_of_each_star_is_the_sum_of_its_parts",
        ),
    ),
)

# Written into each copy, and loaded there: which tests failed, and whether they ran on the copy.
WATCH = """
import json, os, sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
failed, broken, passed = [], [], 0

def pytest_runtest_logreport(report):
    global passed
    if report.failed:
        (failed if report.when == "call" else broken).append(report.nodeid)
    passed += report.passed and report.when == "call"

def pytest_collectreport(report):
    if report.failed:
        broken.append(report.nodeid)

def pytest_sessionfinish(session):
    ours = {n: getattr(m, "__file__", None) for n, m in list(sys.modules.items())
            if n.partition(".")[0] == "bayes_astro"}
    strangers = [f for f in ours.values() if f and HERE not in Path(f).resolve().parents]
    planted = os.environ.get("PLANTED", "")
    loaded = not planted or any(f and Path(f).resolve() == HERE / planted for f in ours.values())
    (HERE / "watched.json").write_text(json.dumps({
        "failed": failed, "broken": broken, "passed": passed,
        "strangers": strangers, "loaded": bool(ours) and loaded,
    }))
"""


class Run(NamedTuple):
    """What happened in one copy."""

    failed: list[str]
    passed: int
    trouble: str
    seconds: float


def copy(folder: Path) -> None:
    """The sources without any cache, and the watch."""
    for name in COPIED:
        ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "*.nb[ic]", ".*")
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy(source, folder / name)
    assert not [p for p in folder.rglob("*") if p.suffix in (".pyc", ".nbi", ".nbc")]
    (folder / "planted_bugs_watch.py").write_text(WATCH)


def source_of(bug: Bug) -> str:
    """The file in which it goes, where its text is found just once."""
    text = (ROOT / "bayes_astro" / bug.file).read_text("utf-8")
    count = text.count(bug.old)
    if count != 1:
        raise SystemExit(f"{bug.name}: its text is in {bug.file} {count} times, expected once")
    if bug.old == bug.new:
        raise SystemExit(f"{bug.name}: nothing is changed")
    return text


def run(folder: Path, caches: Path, tests: list[str], planted: str = "") -> Run:
    """The tests in a copy, all in one process."""
    caches.mkdir(exist_ok=True)
    watched = folder / "watched.json"
    watched.unlink(missing_ok=True)
    flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={caches / 'pytensor'}"]
    environment = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **os.environ,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "PYTENSOR_FLAGS": ",".join(filter(None, flags)),
        "PLANTED": planted,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "--import-mode=importlib",
               "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "planted_bugs_watch",
               *(f"tests/{test}" for test in tests)]  # fmt: skip
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return Run([], 0, f"not done after {LIMIT} s", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    if not watched.exists():
        return Run([], 0, (done.stdout + done.stderr)[-2000:], seconds)
    found = json.loads(watched.read_text())
    trouble = ""
    if found["strangers"]:
        trouble = f"imported from elsewhere: {found['strangers'][0]}"
    elif not found["loaded"]:
        trouble = f"{planted or 'bayes_astro'} was not imported"
    elif found["broken"] or done.returncode not in (0, 1):
        trouble = f"could not run: {found['broken']}\n{done.stdout[-2000:]}"
    return Run(found["failed"], found["passed"], trouble, seconds)


def verdict_of(bug: Bug, found: Run) -> str:
    """``killed`` where something failed of every test that is named."""
    if found.trouble:
        return f"ERROR: {found.trouble}"
    blind = [
        test
        for test in bug.tests
        if not any(f"{node}[".startswith(f"tests/{test}[") for node in found.failed)
    ]
    return f"SURVIVED {', '.join(blind)}" if blind else "killed"


def main() -> int:
    """Plant the bugs that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="*", help="of bugs; default: all")
    parser.add_argument("--list", action="store_true", help="show what there is")
    asked = parser.parse_args()
    known = {bug.name: bug for bug in BUGS}
    assert len(known) == len(BUGS), "names are unique"
    if unknown := set(asked.name) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    bugs = [known[name] for name in asked.name] or list(BUGS)
    width = max(len(bug.name) for bug in bugs)
    if asked.list:
        for bug in bugs:
            what = bug.equivalent and f"equivalent: {bug.equivalent}"
            print(f"{bug.name:{width}}  {bug.file}: {what or ', '.join(bug.tests)}")
        return 0
    sources = {bug.name: source_of(bug) for bug in bugs}
    bad = 0
    with tempfile.TemporaryDirectory(prefix="planted-bugs-") as place:
        plain, caches = Path(place, "plain"), Path(place, "caches")
        copy(plain)
        tests = sorted({test for bug in bugs for test in bug.tests})
        if tests:
            control = run(plain, caches, tests)
            good = control.passed and not control.failed and not control.trouble
            what = f"{control.passed} tests pass" if good else control.failed or control.trouble
            print(f"{'(no bug)':{width}}  {control.seconds:6.1f} s  {what}", flush=True)
            if not good:
                return 1
        for bug in bugs:
            if bug.equivalent:
                print(f"{bug.name:{width}}         –  equivalent: {bug.equivalent}", flush=True)
                continue
            compiled = bug.file.startswith("likelihoods/")
            folder = Path(place, bug.name) if compiled else plain
            if compiled:
                copy(folder)
            path = folder / "bayes_astro" / bug.file
            path.write_text(sources[bug.name].replace(bug.old, bug.new), "utf-8")
            own = Path(place, f"{bug.name}-caches") if compiled else caches
            found = run(folder, own, list(bug.tests), f"bayes_astro/{bug.file}")
            path.write_text(sources[bug.name], "utf-8")
            verdict = verdict_of(bug, found)
            bad += verdict != "killed"
            print(f"{bug.name:{width}}  {found.seconds:6.1f} s  {verdict}", flush=True)
    planted = sum(not bug.equivalent for bug in bugs)
    print(f"{planted - bad} of {planted} killed")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
