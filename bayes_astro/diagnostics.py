"""Is the fit to be trusted: checks with a figure, a verdict and advice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_astro import registry, storage

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "Check",
    "Diagnosis",
    "convergence",
    "diagnose",
    "few",
    "goodness_of_fit",
    "repeated",
    "repeated_in_columns",
    "scalars",
    "summary",
]

RHAT = 1.01
ESS = 400
MISFIT = 1e-3
OFTEN = 0.005
NUMBERS = 20_000_000  # residuals of draws in memory
SAME = 1e-12  # relative sd of what rounding alone makes different


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

    def __post_init__(self) -> None:
        # NumPy's False is not Python's, and `is not False` would let it pass.
        if self.passed is not None:
            object.__setattr__(self, "passed", bool(self.passed))


def _printed(check: Check) -> str:
    """The figure with four digits, or as many as it takes not to look like the limit that it missed."""
    limits = {float(number) for number in re.findall(r"\d+\.?\d*(?:e-?\d+)?", check.limit)}
    for digits in range(4, 17):
        text = f"{check.figure:.{digits}g}"
        if check.passed or float(text) not in limits or float(check.figure) in limits:
            break
    return text


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
                _printed(check),
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
        return (
            f'<table class="dataframe checks"><thead><tr>{head}</tr></thead>'
            f"<tbody>{cells}</tbody></table>"
        )


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

    Without what `model.by_curve` names: curves, that figures show.

    Returns
    -------
    pandas.DataFrame
        mean, sd, median, q16, q84, q025, q975, mcse (of the mean), rhat, ess_bulk, ess_tail, unit.
        Of a baseline, sd is its standard error and the quantiles are those of a normal.
    """
    import pandas as pd

    tree = model.posterior
    if "estimate" in tree:
        return _estimates(tree, model.by_curve)
    rows = {}
    posterior = _tabled(tree["posterior"].to_dataset(), model.by_curve)
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


def _tabled(group: xr.Dataset, by_curve: tuple[str, ...]) -> xr.Dataset:
    return group.drop_vars([name for name in by_curve if name in group and group[name].ndim > 2])


def _estimates(tree: xr.DataTree, by_curve: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    estimate, posterior = (
        _tabled(tree[name].to_dataset(), by_curve) for name in ("estimate", "posterior")
    )
    errors = {label: float(v.squeeze()) for label, v, _ in scalars(estimate)}
    rows: dict[str, dict[str, Any]] = {}
    for label, values, unit in scalars(posterior):
        value, error = float(values.flat[0]), errors.get(label, np.nan)  # others are replicates
        rows[label] = {"mean": value, "sd": error, "median": value}
        for name, z in (("q16", -0.99446), ("q84", 0.99446), ("q025", -1.96), ("q975", 1.96)):
            rows[label][name] = value + z * error
        rows[label] |= dict.fromkeys(("mcse", "rhat", "ess_bulk", "ess_tail"), np.nan)
        rows[label]["unit"] = unit
    return pd.DataFrame.from_dict(rows, orient="index")


def diagnose(model: Any) -> Diagnosis:
    """The checks of the sampler, then those of the task."""
    tree, record = model.posterior, model.record
    checks: list[Check] = []
    if record["sampler"] and "sample_stats" in tree:
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
        row = registry.find(registry.SAMPLERS, record["sampler"]["name"], "sampler")
        sampler = row.load()(**storage.decode(record["sampler"]["settings"]))
        checks += sampler.checks(statistics, _convergence_table(model))
    return Diagnosis((*checks, *model.checks()))


def _convergence_table(model: Any) -> pd.DataFrame:
    """Rows of the summary on which convergence is judged."""
    table, names = model.summary(), model.converged_on()
    return table[[label.split("[")[0] in names for label in table.index]] if names else table


def convergence(table: pd.DataFrame, remedy: str) -> list[Check]:
    """R-hat and effective sample size of the worst row of a summary.

    What is the same in all draws, as the entropy of one component, is left out beside what varies.
    """
    varies = table["sd"] > SAME * table["mean"].abs()
    table = table[varies] if varies.any() else table
    worst = table["rhat"].idxmax() if table["rhat"].notna().any() else table.index[0]
    value = float(table["rhat"].max())
    checks = [
        Check(
            "R-hat",
            bool(value <= RHAT),
            value,
            f"the chains disagree on {worst}: {remedy}",
            f"at most {RHAT}",
        )
    ]
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


def repeated(values: np.ndarray, name: str, advice: str) -> Check:
    """Whether one value stands out by how often it is there, as sentinels and stars at z = 0 do.

    Rounded values repeat, too: the most common one is set beside the next ten.
    """
    found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    most, others = int(counts[order[0]]), counts[order[1:11]]
    usual = max(float(others.max(initial=1)), 1.0)
    share = most / len(values)
    stands_out = share >= OFTEN and most >= 5 and most > 5 * usual
    return Check(
        f"no repeated {name}",
        not stands_out,
        share,
        f"{most} of {len(values)} objects have the {name} {found[order[0]]:g}, which is no measurement, or "
        f"of another kind of object: {advice}",
        f"share of the most common value below {OFTEN:g}, or like that of others",
    )


def repeated_in_columns(columns: dict[str, np.ndarray], advice: str) -> Check:
    """The same of several columns: that in which one value stands out most."""
    found = [
        repeated(values[np.isfinite(values)], name, advice) for name, values in columns.items()
    ]
    worst = max(found, key=lambda check: (not check.passed, check.figure))
    return replace(worst, name="no repeated values")


def few(posterior: xr.Dataset, of_each: int, rows: int) -> xr.Dataset:
    """About so many draws of each chain, fewer where their residuals of all rows would fill the memory."""
    most = NUMBERS // (max(1, rows) * posterior.sizes["chain"])
    every = max(1, posterior.sizes["draw"] // max(1, min(of_each, most)))
    return posterior.isel(draw=slice(None, None, every))


def goodness_of_fit(model: Any, advice: str) -> Check:
    """Chi-square of the standardised residuals against its own distribution under the model.

    Where the model holds, the residuals that `model.normal_residuals` gives for one posterior draw are
    independent unit normals, and their sum of squares is chi-square with one degree of freedom a
    row; the figure is the tail probability averaged over the draws (Gelman, Meng & Stern 1996).
    """
    from scipy.stats import chi2

    posterior = few(model.posterior["posterior"].to_dataset(), 100, len(model.data))
    residuals = model.normal_residuals(posterior, model.data)
    residuals = residuals[..., ~np.isnan(residuals).any(axis=(0, 1))]  # of rows that have one
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
