"""Make the reference numbers of the exercises.

``python -m bayes_astro.exercises.reference [ID ...]`` rewrites ``ID.json`` beside this file, of all
exercises in about two minutes. It needs nutpie (``pip install "bayes-astro[nutpie]"``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import bayes_astro as ba
from bayes_astro.exercises.library import ids, words
from bayes_astro.exercises.measures import (
    EXACT,
    _mean_sd,
    _on_grid,
    demand,
    least_squares,
    measured,
)
from bayes_astro.exercises.reference_of_classes import (
    completeness,
    fraction_of_another_field,
    number_of_quasars,
    redshift_from_colours,
)
from bayes_astro.exercises.reference_of_inference import (
    by_simulation,
    distance,
    error_of_a_chain,
    jump_of_a_rate,
    lighthouse,
    line_on_background,
    malmquist,
    odds_of_variability,
    shrinkage,
)
from bayes_astro.exercises.reference_of_light_curves import (
    damping_time,
    period,
    rotation_period,
    second_planet,
    several_bands,
)
from bayes_astro.exercises.reference_of_membership import parallax_of_a_cluster
from bayes_astro.exercises.reference_of_points import (
    clustering,
    tenth_neighbour,
    two_populations,
    velocity_ellipsoid,
)
from bayes_astro.exercises.reference_of_regression import (
    curve_in_a_gap,
    flux_limited_sample,
    left_out_in_turn,
    line_with_long_tails,
    lines_of_a_spectrum,
    many_coefficients,
    matter_in_a_hubble_diagram,
    spectrum_with_gaps,
    upper_limits,
)
from bayes_astro.exercises.reference_of_samples import (
    magnitude_of_a_faint_source,
    purity_of_a_selection,
    sources_among_pixels,
    spread_of_eight,
    two_clusters,
)
from bayes_astro.exercises.reference_of_signals import (
    long_damping_time,
    onset_of_a_burst,
    two_bands,
    wiener_filter,
)
from bayes_astro.exercises.reference_of_spectra import (
    epochs_of_a_quasar,
    flux_in_a_gap,
    how_many_components,
)

__all__ = [
    "MAKERS",
    "line_with_outliers",
    "main",
    "on_and_off",
    "population",
    "template_fit",
    "unequal_errors",
    "velocity_dispersion",
]


def unequal_errors() -> dict[str, Any]:
    """5.1: the weighted mean, and what other weights give; all in closed form."""
    data = words("5.1")["data"]
    velocity, error = np.array(data["velocity"]), np.array(data["error"])

    def weighted(power: int) -> dict[str, float]:
        weight = error ** -float(power)
        return {
            "mean": float(np.sum(weight * velocity) / np.sum(weight)),
            "sd": float(np.sum(weight) ** -0.5),
        }

    right = weighted(2)
    plain = {
        "mean": float(velocity.mean()),
        "sd": float(velocity.std(ddof=1) / np.sqrt(len(velocity))),
    }
    return {
        "method": "closed form: the mean weighted by 1 / error^2, with a flat prior",
        "quantities": {"velocity": right | EXACT},
        "mistakes": {
            "unweighted": {"velocity": plain},
            "sd_taken_for_variance": {"velocity": weighted(1)},
            "errors_squared_twice": {"velocity": weighted(4)},
            "variance_taken_for_sd": {"velocity": {"mean": right["mean"], "sd": right["sd"] ** 2}},
        },
        "checks_made": {"exact": True},
    }


def on_and_off() -> dict[str, Any]:
    """5.5: a sum over how many of the counts are the source's, each term a Gamma distribution."""
    from scipy.special import gammaln

    data = words("5.5")["data"]
    on, off, hours = data["on"], data["off"], data["hours_off"]

    def posterior(hours: float) -> dict[str, float]:
        """The background integrated out: k counts of the source have a rate ~ Gamma(k + 1)."""
        k = np.arange(on + 1)
        log_weight = gammaln(on - k + off + 1) - gammaln(on - k + 1) + k * np.log(1 + hours)
        weight = np.exp(log_weight - log_weight.max())
        mean = float(np.average(k + 1, weights=weight))
        square = float(np.average((k + 1) * (k + 2), weights=weight))
        return {"mean": mean, "sd": (square - mean**2) ** 0.5}

    gaussian = {"mean": on - off / hours, "sd": (on + off / hours**2) ** 0.5}
    mistakes = {
        "gaussian_subtraction": gaussian,
        "exposure_ratio_forgotten": posterior(1.0),
        "exposure_ratio_upside_down": posterior(1 / hours),
        "background_ignored": {"mean": on + 1.0, "sd": (on + 1.0) ** 0.5},
    }
    return {
        "method": "closed form: the sum over the source's own counts, the background integrated out",
        "quantities": {"rate": posterior(hours) | EXACT},
        "mistakes": {name: {"rate": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def velocity_dispersion() -> dict[str, Any]:
    """6.1: quadrature over the dispersion, the mean integrated out; so are two of the mistakes."""
    data = words("6.1")["data"]
    velocity, error = np.array(data["velocity"]), np.array(data["error"])

    def posterior(noise: np.ndarray, power: int = 1) -> dict[str, float]:
        """Of the dispersion to a power, where each velocity has this variance of the noise."""
        s = np.linspace(0, 60, 60_001)
        weight = 1 / (s[:, None] ** 2 + noise)
        total = weight.sum(axis=1)
        mean = (weight @ velocity) / total
        chi_square = weight @ velocity**2 - total * mean**2
        log_density = 0.5 * (np.log(weight).sum(axis=1) - chi_square - np.log(total))
        density = np.exp(log_density - log_density.max())
        density[0] /= 2  # trapezoids
        middle = float(np.average(s**power, weights=density))
        variance = float(np.average((s**power - middle) ** 2, weights=density))
        return {"mean": middle, "sd": variance**0.5}

    scatter = float(velocity.std(ddof=1))
    of_scatter = scatter / np.sqrt(2 * (len(velocity) - 1))
    return {
        "method": "quadrature over the dispersion, the mean integrated out; flat priors",
        "quantities": {"dispersion": posterior(error**2) | EXACT},
        "mistakes": {
            "errors_left_in": {"dispersion": {"mean": scatter, "sd": of_scatter}},
            "errors_subtracted_linearly": {
                "dispersion": {"mean": scatter - float(error.mean()), "sd": of_scatter}
            },
            "errors_taken_off_twice": {"dispersion": posterior(2 * error**2)},
            "sd_taken_for_variance": {"dispersion": posterior(error)},
            "variance_taken_for_sd": {"dispersion": posterior(error**2, power=2)},
        },
        "checks_made": {"exact": True},
    }


def population() -> dict[str, Any]:
    """9.1: quadrature over the fraction, with other likelihoods for the mistakes."""
    data = words("9.1")["data"]
    far, prior = np.array(data["probability"]), data["interim_prior"]
    near, n = 1 - far, len(far)
    fraction = np.linspace(0, 1, 20_001)

    def posterior(far: np.ndarray, near: np.ndarray) -> dict[str, float]:
        log_density = np.log(np.outer(fraction, far) + np.outer(1 - fraction, near)).sum(axis=1)
        density = np.exp(log_density - log_density.max())
        density[[0, -1]] /= 2  # trapezoids
        return _on_grid(density, fraction)

    counted = int(np.sum(far > 0.5))
    share = (counted + 1) / (n + 2)  # of a flat prior, a Beta distribution
    mistakes = {
        "stacked": {"mean": float(far.mean()), "sd": float(far.std(ddof=1) / np.sqrt(n))},
        "interim_prior_left_in": posterior(far, near),
        "divided_out_twice": posterior(far / prior**2, near / (1 - prior) ** 2),
        "divided_out_of_far_alone": posterior(far / prior, near),
        "multiplied": posterior(far * prior, near * (1 - prior)),
        "modes_counted": {"mean": share, "sd": float((share * (1 - share) / (n + 3)) ** 0.5)},
    }
    right = posterior(far / prior, near / (1 - prior))
    return {
        "method": "quadrature over the fraction; flat prior",
        "quantities": {"fraction": right | EXACT},
        "mistakes": {name: {"fraction": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def template_fit() -> dict[str, Any]:
    """9.2: a sum over redshifts and templates, the amplitude integrated in closed form."""
    from scipy.special import log_ndtr

    data = {name: np.array(value) for name, value in words("9.2")["data"].items()}
    flux, error, redshift = data["flux"], data["error"], data["redshift"]
    template = np.stack([data["red"], data["blue"]])

    def log_integral(weight: np.ndarray) -> np.ndarray:
        """Of exp(-chi^2 / 2) over amplitudes > 0, (template, redshift), up to a factor."""
        tt = template**2 @ weight
        x = template @ (weight * flux) / np.sqrt(tt)
        return 0.5 * x**2 + log_ndtr(x) - 0.5 * np.log(tt)

    def posterior(log_likelihood: np.ndarray) -> dict[str, float]:
        likelihood = np.exp(log_likelihood - log_likelihood.max())
        return _on_grid(likelihood.sum(axis=0), redshift)

    weight, seen = error**-2.0, flux > 0
    right = log_integral(weight)
    best = np.maximum(template @ (weight * flux), 0) ** 2 / (2 * template**2 @ weight)
    off = -2.5 * np.log10(flux[seen] / template[..., seen])
    sharp = (1.0857 * error[seen] / flux[seen]) ** -2
    off -= (off @ sharp / sharp.sum())[..., None]  # the magnitudes' offset is the amplitude
    mistakes = {
        "amplitude_profiled": posterior(best),
        "errors_not_squared": posterior(log_integral(1 / error)),
        "negative_flux_left_out": posterior(log_integral(weight * seen)),
        "magnitudes": posterior(-0.5 * off**2 @ sharp),
        "best_template_alone": posterior(right[[int(np.argmax(best.max(axis=1)))]]),
    }
    return {
        "method": "the sum over redshifts and templates, the amplitude integrated in closed form",
        "quantities": {"redshift": posterior(right) | EXACT},
        "mistakes": {name: {"redshift": value} for name, value in mistakes.items()},
        "checks_made": {"exact": True},
    }


def line_with_outliers() -> dict[str, Any]:
    """5.2: long NUTS runs; the lines without an outlier model are least squares."""
    data: Any = ba.load("hogg-2010")
    sampler = ba.NUTS(draws=10_000, tune=2000, target_accept=0.95)
    lines = {}
    for name, response, used in (
        ("reference", "y", data.without_error("x")),
        ("errors_in_x_left_in", "y", data),
        ("axes_interchanged", "x", data.without_error("y")),
    ):
        model = ba.LinearRelation(response, scatter=False, outliers=True)
        model.fit(used, sampler=sampler, seed=52, progress=False)
        draws: Any = model.posterior["posterior"]
        lines[name] = measured(
            {"slope": draws["slope"].values[..., 0], "intercept": draws["intercept"].values},
            divergences=int(model.posterior["sample_stats"]["diverging"].sum()),
        )
    x, y = data.column("x"), data.column("y")
    error = data.error[:, data.index("y")]
    quantities, checks = lines["reference"]
    return {
        "method": f"{sampler}, seed 52",
        "quantities": quantities,
        "mistakes": {
            "chi_square_of_all": least_squares(x, y, 1 / error, "unscaled"),
            "one_wide_scatter": least_squares(x, y, None, True),
        }
        | {
            name: {key: _mean_sd(value) for key, value in lines[name][0].items()}
            for name in ("axes_interchanged", "errors_in_x_left_in")
        },
        "checks_made": demand(checks),
    }


MAKERS = {
    "3.1": magnitude_of_a_faint_source,
    "3.2": purity_of_a_selection,
    "4.5": spread_of_eight,
    "4.6": sources_among_pixels,
    "4.7": two_clusters,
    "5.1": unequal_errors,
    "5.2": line_with_outliers,
    "5.3": shrinkage,
    "5.4": distance,
    "5.5": on_and_off,
    "5.6": lighthouse,
    "5.8": line_on_background,
    "5.10": odds_of_variability,
    "5.11": jump_of_a_rate,
    "5.12": malmquist,
    "5.13": by_simulation,
    "5.15": error_of_a_chain,
    "6.1": velocity_dispersion,
    "6.2": parallax_of_a_cluster,
    "6.3": velocity_ellipsoid,
    "6.4": tenth_neighbour,
    "6.5": clustering,
    "6.6": two_populations,
    "7.1": spectrum_with_gaps,
    "7.2": flux_in_a_gap,
    "7.3": how_many_components,
    "7.4": epochs_of_a_quasar,
    "8.2": curve_in_a_gap,
    "8.3": many_coefficients,
    "8.5": line_with_long_tails,
    "8.7": upper_limits,
    "8.9": left_out_in_turn,
    "8.10": flux_limited_sample,
    "8.11": matter_in_a_hubble_diagram,
    "8.12": lines_of_a_spectrum,
    "9.1": population,
    "9.2": template_fit,
    "9.3": number_of_quasars,
    "9.4": completeness,
    "9.5": redshift_from_colours,
    "9.7": fraction_of_another_field,
    "10.1": period,
    "10.2": damping_time,
    "10.3": rotation_period,
    "10.4": second_planet,
    "10.5": several_bands,
    "10.7": onset_of_a_burst,
    "10.11": long_damping_time,
    "10.12": two_bands,
    "10.14": wiener_filter,
}


def main(chosen: list[str]) -> None:
    """Rewrite the files of the chosen exercises, of all when none is chosen."""
    for id in chosen or ids():
        if id not in MAKERS:
            raise ValueError(f"There is no exercise {id!r}; known: {', '.join(MAKERS)}.")
        path = Path(__file__).with_name(f"{id}.json")
        numbers = MAKERS[id]()
        path.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8", newline="\n")
        print(f"{path.name}: {numbers['quantities']}")


if __name__ == "__main__":
    main(sys.argv[1:])
