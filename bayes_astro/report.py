"""One self-contained HTML page from a fitted model."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import numpy as np

from bayes_astro import storage

__all__ = ["page", "rounded", "write"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .9rem; } td, th { padding: .25rem .7rem;
       text-align: left; border-bottom: 1px solid #ddd; font-variant-numeric: tabular-nums; }
td.n { text-align: right; } .ok { color: #006b4f; } .FAILED { color: #b03a00; font-weight: 600; }
.note { color: #555; } img { max-width: 100%; height: auto; } pre { background: #f5f5f5;
       padding: .8rem; overflow-x: auto; font-size: .8rem; } .equation { font-family: serif;
       font-size: 1.05rem; background: #f5f5f5; padding: .6rem 1rem; }
.scroll { overflow-x: auto; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def _t(text: Any) -> str:
    return html.escape(str(text), quote=True)


def rounded(value: float, error: float) -> str:
    """`value` to the second significant digit of `error`; six digits where there is none."""
    if not np.isfinite(value):
        return str(value)
    if not np.isfinite(error) or error <= 0:
        return f"{value:.6g}"
    digits = 1 - int(np.floor(np.log10(error)))
    if digits > 0 and (abs(value) >= 1e-4 or value == 0):
        return f"{value:.{min(digits, 15)}f}"
    if abs(value) < 1e-4 or abs(value) >= 1e7:
        power = int(np.floor(np.log10(max(abs(value), error))))
        return f"{value:.{max(0, power + digits)}e}"
    return f"{round(value, digits):.0f}"


def _table(head: list[str], rows: list[list[str]], classes: list[str] | None = None) -> str:
    """A table of escaped cells; numbers to the right."""
    top = "".join(f"<th>{_t(name)}</th>" for name in head)
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(
            f'<td class="n">{_t(cell)}</td>' if _numeric(cell) else f"<td>{_t(cell)}</td>"
            for cell in row
        )
        kind = f' class="{_t(classes[i])}"' if classes else ""
        body += f"<tr{kind}>{cells}</tr>"
    return f'<div class="scroll"><table><tr>{top}</tr>{body}</table></div>'


def _numeric(cell: str) -> bool:
    try:
        float(cell.split(" ")[0])
    except ValueError:
        return False
    return True


def _image(figure: Any, name: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{_t(name)}" src="data:image/png;base64,{data}">'


def parameter_rows(table: Any) -> list[list[str]]:
    """Median, 68% interval and the quality of each parameter, rounded to its error."""
    rows = []
    for name, row in table.iterrows():
        quality = [
            "–" if np.isnan(row["mcse"]) else f"{row['mcse']:.2g}",
            "–" if np.isnan(row["rhat"]) else f"{row['rhat']:.3f}",
            "–" if np.isnan(row["ess_bulk"]) else f"{row['ess_bulk']:.0f}",
        ]
        interval = f"{rounded(row['q16'], row['sd'])} to {rounded(row['q84'], row['sd'])}"
        rows.append(
            [str(name), rounded(row["median"], row["sd"]), interval, row["unit"] or "", *quality]
        )
    return rows


def baseline_rows(table: Any, estimates: Any) -> list[list[str]]:
    """The parameters that model and baseline share, side by side."""
    rows = []
    for name in estimates.index:
        if name in table.index:
            ours, theirs = table.loc[name], estimates.loc[name]
            rows.append(
                [
                    str(name),
                    f"{rounded(ours['median'], ours['sd'])} ± {ours['sd']:.2g}",
                    f"{rounded(theirs['mean'], theirs['sd'])} ± {theirs['sd']:.2g}",
                    ours["unit"] or "",
                ]
            )
    return rows


def evidence_rows(model: Any) -> list[list[str]]:
    """The odds, where the task has them."""
    if "evidence" not in model.posterior or "log_evidence" not in model.posterior["evidence"]:
        return []
    group = model.posterior["evidence"]
    factor = float(group["log_bayes_factor"])
    return [
        ["log evidence [nat]", f"{float(group['log_evidence']):.2f}"],
        ["log Bayes factor [nat]", f"{factor:.2f}"],
        ["log10 Bayes factor", f"{factor / np.log(10):.2f}"],
        [
            "false-alarm probability (baseline)",
            f"{float(group['false_alarm_probability']):.2g}",
        ],
    ]


def page(model: Any, baseline: Any = None, *, title: str = "") -> str:
    """The report of a fitted model as one HTML text that needs no network.

    Parameters
    ----------
    model : fitted Model
    baseline : fitted baseline, optional
        To stand beside it.
    title : str
    """
    record, table = model.record, model.summary()
    data = model.data
    name = title or f"{type(model).__name__} of {getattr(data, 'name', '') or 'your data'}"
    parts = [f"<h1>{_t(name)}</h1>", f"<p class='note'>{_t(repr(data))}</p>"]
    if getattr(data, "source", ""):
        parts.append(f"<p class='note'>Data: {_t(data.source)}</p>")
    parts.append("<h2>What was fitted</h2>")
    parts.append(f"<p>{_t((type(model).__doc__ or '').strip().splitlines()[0])}</p>")
    parts.append(f"<p class='equation'>{_t(model.equation())}</p>")
    priors = [[name, _prior(prior)] for name, prior in record["priors"].items()]
    parts.append(_table(["parameter", "prior"], priors))
    parts.append("<h2>Result</h2>")
    parts.append(
        _table(
            ["parameter", "median", "68% interval", "unit", "MC error", "R-hat", "ESS"],
            parameter_rows(table),
        )
    )
    odds = evidence_rows(model)
    if odds:
        parts.append(_table(["evidence", "value"], odds))
        parts.append(f"<p>{_t(model.posterior['evidence'].attrs.get('note', ''))}</p>")
    for figure in model.figure_names():
        if figure in ("overview", "relation", "corner"):
            parts.append(f"<h2>{_t(figure.capitalize())}</h2>{_image(model.plot(figure), figure)}")
    diagnosis = model.diagnose()
    verdict = "No check failed." if diagnosis else "Do not trust this fit yet."
    rows = diagnosis.rows()
    parts.append(f"<h2>Diagnosis</h2><p>{verdict}</p>")
    parts.append(
        _table(
            ["check", "verdict", "figure", "limit", "advice"],
            [list(row) for row in rows],
            [row[1] for row in rows],
        )
    )
    if hasattr(model, "modes") and "periodogram" in model.posterior:
        modes = model.modes().head(8)
        parts.append("<h2>Separate periods</h2>")
        parts.append(
            _table(
                ["mass", "period", "sd", "may be"],
                [
                    [
                        f"{row.mass:.4f}",
                        rounded(row.period, row.sd),
                        f"{row.sd:.2g}",
                        row.alias_of or "",
                    ]
                    for row in modes.itertuples()
                ],
            )
        )
    if baseline is not None:
        parts.append(f"<h2>Beside {_t(type(baseline).__name__)}</h2>")
        parts.append(
            _table(
                ["parameter", "posterior (median ± sd)", "baseline (± standard error)", "unit"],
                baseline_rows(table, baseline.summary()),
            )
        )
    sampler = record["sampler"] or {"name": "", "settings": {}}
    settings = sampler["settings"].get("dict", {})
    how = [["sampler", f"{sampler['name']}({_arguments(settings)})"], ["seed", record["seed"]]]
    how += [[package, version] for package, version in record["versions"].items()]
    parts.append("<h2>How it was made</h2>")
    parts.append(_table(["", ""], [[str(a), str(b)] for a, b in how]))
    parts.append(f"<h2>How to cite</h2><pre>{_t(model.citations())}</pre>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_t(name)}</title><style>{_STYLE}</style></head><body>"
        + "".join(parts)
        + "</body></html>"
    )


def _prior(plain: dict[str, Any]) -> str:
    arguments = {key: value for key, value in plain.items() if key != "distribution"}
    return f"{plain['distribution']}({_arguments(arguments)})"


def _arguments(settings: dict[str, Any]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.6g}"
        if isinstance(value, list):
            return "[" + ", ".join(short(item) for item in value) + "]"
        return str(value)

    return ", ".join(f"{key}={short(value)}" for key, value in settings.items())


def write(model: Any, path: Any, baseline: Any = None, *, title: str = "") -> None:
    """Write `page` to a file, whole or not at all."""
    text = page(model, baseline, title=title)
    storage.write_atomically(path, lambda part: Path(part).write_text(text, encoding="utf-8"))
