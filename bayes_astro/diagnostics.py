"""Is the fit to be trusted: checks with a figure, a verdict and advice."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Check", "Diagnosis", "diagnose", "goodness_of_fit", "scalars", "summary"]

RHAT = 1.01
ESS = 400
AUTOCORRELATION_TIMES = 50
EFFICIENCY = 0.1
MISFIT = 1e-3


@dataclass(frozen=True)
class Check:
    """One question to a fit.

    ``passed`` is None for a remark that is no fault of the fit.
    """

    name: str
    passed: bool | None
    figure: float
    advice: str
    limit: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Checks of one fit; true when none failed."""

    checks: tuple[Check, ...]

    def __bool__(self) -> bool:
        return all(check.passed is not False for check in self.checks)

    def __iter__(self) -> Iterator[Check]:
        return iter(self.checks)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"no check {name!r}; there are {', '.join(c.name for c in self.checks)}")

    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.passed is False]

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Name, verdict, figure, limit and advice (where it applies) as text."""
        verdicts = {True: "ok", False: "FAILED", None: "note"}
        return [
            (
                check.name,
                verdicts[check.passed],
                f"{check.figure:.4g}",
                check.limit,
                "" if check.passed else check.advice,
            )
            for check in self.checks
        ]

    def table(self) -> pd.DataFrame:
        """The checks as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=["check", "verdict", "figure", "limit", "advice"])

    def __repr__(self) -> str:
        head = "Diagnosis: " + ("no check failed" if self else "do not trust this fit yet")
        lines = [
            f"  {verdict:6s} {name}: {figure} ({limit})" + (f"; {advice}" if advice else "")
            for name, verdict, figure, limit, advice in self.rows()
        ]
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in self.rows()
        )
        names = ("check", "verdict", "figure", "limit", "advice")
        head = "".join(f"<th>{name}</th>" for name in names)
        return f"<table><tr>{head}</tr>{cells}</table>"


def scalars(posterior: xr.Dataset) -> Iterator[tuple[str, np.ndarray, str]]:
    """Every scalar of a posterior: label, values (chain, draw), unit.

    Angles are turned to their circular mean, so that a posterior astride of pi is in one piece.
    """
    for name, array in posterior.data_vars.items():
        if array.dims[:2] != ("chain", "draw"):
            continue
        unit = array.attrs.get("units", "")
        values = array.values.reshape(*array.shape[:2], -1)
        for i, index in enumerate(np.ndindex(*array.shape[2:])):
            label = str(name)
            if index:
                coords = [
                    str(posterior[dim].values[k]) if dim in posterior.coords else str(k)
                    for dim, k in zip(array.dims[2:], index, strict=True)
                ]
                label += f"[{', '.join(coords)}]"
            column = values[..., i]
            if unit == "rad":
                middle = np.angle(np.mean(np.exp(1j * column)))
                column = middle + np.angle(np.exp(1j * (column - middle)))
            yield label, column, unit


def _split(values: np.ndarray) -> np.ndarray:
    """A single chain in two, so that R-hat is defined."""
    if values.shape[0] > 1 or values.shape[1] < 8:
        return values
    half = values.shape[1] // 2
    return values[0, : 2 * half].reshape(2, half)


def summary(model: Any) -> pd.DataFrame:
    """One row a scalar parameter: location, intervals, Monte Carlo error, convergence, unit.

    Returns
    -------
    pandas.DataFrame
        mean, sd, median, q16, q84, q025, q975, mcse (of the mean), rhat, ess_bulk, ess_tail, unit.
        Of a baseline, sd is its standard error and the quantiles are those of a normal.
    """
    import pandas as pd

    tree = model.posterior
    if "estimate" in tree:
        return _estimates(tree)
    rows = {}
    posterior = tree["posterior"].to_dataset()
    starts = (
        np.unique(posterior["part"], return_index=True)[1] if "part" in posterior.coords else [0]
    )
    for label, values, unit in scalars(posterior):
        q025, q16, median, q84, q975 = np.quantile(values, [0.025, 0.16, 0.5, 0.84, 0.975])
        rows[label] = {
            "mean": values.mean(),
            "sd": values.std(ddof=1) if values.size > 1 else np.nan,
            "median": median,
            "q16": q16,
            "q84": q84,
            "q025": q025,
            "q975": q975,
            **_convergence_of(np.split(values, starts[1:], axis=1)),
            "unit": unit,
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _convergence_of(parts: list[np.ndarray]) -> dict[str, float]:
    """Monte Carlo error, R-hat and effective draws of chains (chain, draw).

    Of several parts, which are fits of their own to different inputs: the sum of the effective draws,
    and R-hat once the mean of each part is taken off, of which the chains cannot disagree.
    """
    from arviz_stats.base import array_stats

    whole = parts[0]
    if len(parts) > 1:
        whole = np.concatenate([part - part.mean() for part in parts], axis=1)
    chains, axes = _split(whole), {"chain_axis": 0, "draw_axis": 1}
    if min(part.shape[1] for part in parts) < 4 or np.ptp(whole) == 0:
        return {"mcse": np.nan, "rhat": np.nan, "ess_bulk": 0.0, "ess_tail": 0.0}
    each = [_split(part) for part in parts]
    tail = {"method": "tail", "prob": (0.05, 0.95)}
    error = np.array([array_stats.mcse(one, method="mean", **axes) for one in each])
    return {
        "mcse": float(np.sqrt(np.sum(error**2)) / len(parts)),
        "rhat": float(array_stats.rhat(chains, **axes)),
        "ess_bulk": float(sum(array_stats.ess(one, method="bulk", **axes) for one in each)),
        "ess_tail": float(sum(array_stats.ess(one, **tail, **axes) for one in each)),
    }


def _estimates(tree: xr.DataTree) -> pd.DataFrame:
    import pandas as pd

    errors = {label: float(v.squeeze()) for label, v, _ in scalars(tree["estimate"].to_dataset())}
    rows: dict[str, dict[str, Any]] = {}
    for label, values, unit in scalars(tree["posterior"].to_dataset()):
        value, error = float(values.mean()), errors.get(label, np.nan)
        rows[label] = {"mean": value, "sd": error, "median": value}
        for name, z in (("q16", -0.99446), ("q84", 0.99446), ("q025", -1.96), ("q975", 1.96)):
            rows[label][name] = value + z * error
        rows[label] |= dict.fromkeys(("mcse", "rhat", "ess_bulk", "ess_tail"), np.nan)
        rows[label]["unit"] = unit
    return pd.DataFrame.from_dict(rows, orient="index")


def diagnose(model: Any) -> Diagnosis:
    """The checks of the sampler, then those of the task."""
    tree = model.posterior
    sampler = (model.record["sampler"] or {}).get("name", "")
    checks: list[Check] = []
    if "sample_stats" in tree:
        statistics = tree["sample_stats"]
        if statistics.attrs.get("interrupted"):
            drawn = tree["posterior"].sizes["draw"]
            checks.append(
                Check(
                    "complete",
                    False,
                    drawn,
                    f"the run was interrupted: {drawn} draws of each chain were kept; fit again",
                    "not interrupted",
                )
            )
        if sampler == "Emcee":
            checks += _emcee_checks(statistics, _judged(model))
        elif sampler == "NUTS":
            checks += _nuts_checks(statistics, _judged(model))
        elif sampler == "Gibbs":
            checks += _convergence(_judged(model), "use ba.Gibbs(draws=...) with more draws")
        elif sampler == "MAP":
            checks.append(_maximum_check(statistics))
        elif sampler in ("Exact", "Laplace"):
            if sampler == "Laplace":
                checks.append(_maximum_check(statistics))
            efficiency = float(statistics.attrs["importance_efficiency"])
            checks.append(
                Check(
                    "importance efficiency",
                    efficiency >= EFFICIENCY,
                    efficiency,
                    f"{sampler} misses part of the posterior: check with ba.NUTS()",
                    f"at least {EFFICIENCY:g}",
                )
            )
    return Diagnosis((*checks, *model.checks()))


def _judged(model: Any) -> pd.DataFrame:
    """Rows of the summary on which convergence is judged."""
    table, names = model.summary(), model.judged()
    return table[[label.split("[")[0] in names for label in table.index]] if names else table


def _maximum_check(statistics: Any) -> Check:
    left = float(statistics.attrs["gain_to_come"])
    return Check(
        "maximum reached",
        bool(statistics.attrs["converged"]),
        left,
        "the search ended before its gains were negligible: raise max_steps",
        "predicted gain to come in nats",
    )


def _convergence(table: pd.DataFrame, remedy: str) -> list[Check]:
    checks = []
    worst = table["rhat"].idxmax() if table["rhat"].notna().any() else table.index[0]
    value = float(table["rhat"].max())
    checks.append(
        Check(
            "R-hat",
            bool(value <= RHAT),
            value,
            f"the chains disagree on {worst}: {remedy}",
            f"at most {RHAT}",
        )
    )
    for kind in ("bulk", "tail"):
        column = table[f"ess_{kind}"]
        checks.append(
            Check(
                f"ESS ({kind})",
                bool(column.min() >= ESS),
                float(column.min()),
                f"too few effective draws of {column.idxmin()}: {remedy}",
                f"at least {ESS}",
            )
        )
    return checks


def _nuts_checks(statistics: Any, table: pd.DataFrame) -> list[Check]:
    checks = _convergence(table, "raise draws and tune, or reparametrise it")
    diverging = int(statistics["diverging"].sum())
    scale = [name for name in table.index if "scatter" in name or "jitter" in name]
    where = (scale or [table["ess_tail"].idxmin()])[0]
    checks.append(
        Check(
            "divergences",
            diverging == 0,
            diverging,
            f"the sampler cannot follow the posterior, most often near the edge of {where}: "
            "use ba.NUTS(target_accept=0.95), or a prior that keeps it away from zero",
            "none",
        )
    )
    return checks


def _emcee_checks(statistics: Any, table: pd.DataFrame) -> list[Check]:
    times = statistics["autocorrelation_time"].mean("chain")
    steps = int(statistics.attrs["steps"])
    finite = bool(np.isfinite(times).all())
    longest = float(times.max()) if finite else np.inf
    worst = str(times["dimension"].values[int(np.nanargmax(times.values))]) if finite else "all"
    needed = f"{int(np.ceil(AUTOCORRELATION_TIMES * longest / 100) * 100)}" if finite else "more"
    length = Check(
        "length in autocorrelation times",
        bool(steps >= AUTOCORRELATION_TIMES * longest),
        steps / longest,
        f"{steps} steps are too short for {worst}, whose autocorrelation time is about "
        f"{longest:.0f} steps: use ba.Emcee(steps={needed}) or more",
        f"at least {AUTOCORRELATION_TIMES}",
    )
    acceptance = float(statistics["acceptance_fraction"].mean())
    moves = Check(
        "acceptance",
        0.1 <= acceptance <= 0.9,
        acceptance,
        "walkers hardly move or always do: use ba.NUTS(), or more walkers",
        "0.1 to 0.9",
    )
    enough = max(2 * steps, int(needed)) if finite else 10 * steps
    return [length, moves, *_convergence(table, f"use ba.Emcee(steps={enough}) or more")]


def goodness_of_fit(model: Any, advice: str) -> Check:
    """Chi-square of the standardised residuals against its own distribution under the model.

    Where the model holds, the residuals that `model.standardised` gives for one posterior draw are
    independent unit normals, and their sum of squares is chi-square with one degree of freedom a
    row; the figure is the tail probability averaged over the draws (Gelman, Meng & Stern 1996).
    """
    from scipy.stats import chi2

    posterior = model.posterior["posterior"].to_dataset()
    every = max(1, posterior.sizes["draw"] // 100)
    residuals = model.standardised(posterior.isel(draw=slice(None, None, every)), model.data)
    squares = np.sum(residuals**2, axis=-1)
    tail = float(np.mean(chi2.sf(squares, residuals.shape[-1])))
    if tail > 1 - MISFIT:
        verdict: bool | None = None
        text = "the data scatter less than their error bars: the errors look overestimated"
    else:
        verdict = tail >= MISFIT
        text = f"the data scatter more about the model than it allows: {advice}"
    limit = f"chi-square tail probability {MISFIT:g} to {1 - MISFIT:g}"
    return Check("goodness of fit", verdict, tail, text, limit)
