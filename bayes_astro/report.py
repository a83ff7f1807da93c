"""One self-contained HTML page from a fitted model."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_astro import storage

__all__ = ["Section", "evidence_section", "page", "rounded", "write"]

FIGURES = ("overview", "relation", "density", "corner")  # names under which a task's are shown
SHORT = 20  # rows of a table that is shown whole
MANY = 12  # numbers of an argument that are written out

_STYLE = """
html { --ink: #1a1a1a; --grey: #5c5c5c; --line: #dcdcdc; --shade: #f6f6f4; --good: #006b4f;
        --bad: #b03a00; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 60rem;
       margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; padding-top: .75rem;
     border-top: 1px solid var(--line); }
p { margin: .5rem 0; max-width: 46rem; }
.note { color: var(--grey); font-size: .9rem; }
.verdict { display: inline-block; border-left: 4px solid; padding: .1rem .7rem;
           background: var(--shade); }
.ok { color: var(--good); } .FAILED { color: var(--bad); font-weight: 600; }
.equation { font: 1.05rem/1.6 Georgia, serif; background: var(--shade); padding: .7rem 1rem;
            max-width: none; border-radius: 4px; }
.scroll { overflow-x: auto; margin: .75rem 0 1.25rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); }
td { vertical-align: top; border-bottom: 1px solid var(--line); }
th, td { padding: .3rem 1.1rem .3rem 0; }
.n { text-align: right; white-space: nowrap; }
.w { min-width: 14rem; }
figure { margin: 0; } img { display: block; width: 100%; height: auto; }
pre { background: var(--shade); padding: .8rem 1rem; overflow-x: auto; font-size: .8rem;
      border-radius: 4px; }
@media (max-width: 34rem) { body { padding: 1rem .9rem 3rem; } h1 { font-size: 1.35rem; } }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; }
               figure, tr { break-inside: avoid; } .scroll { overflow: visible; } }
"""
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True)
class Section:
    """A table that a task adds to its report.

    Parameters
    ----------
    title : str
    head : tuple of str
    rows : tuple of tuple of str
    note : str
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def evidence_section(model: Any) -> list[Section]:
    """The log evidence of a fit that has one."""
    if "evidence" not in model.posterior:
        return []
    found = {str(n): float(v) for n, v in model.posterior["evidence"].data_vars.items()}
    if "log_evidence" not in found:
        return []
    rows = [("log evidence [nat]", f"{found['log_evidence']:.2f}")]
    if "log_evidence_error" in found:
        rows.append(("its standard error", f"{found['log_evidence_error']:.2g}"))
    return [Section("Evidence", ("evidence", "value"), tuple(rows))]


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


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table of escaped cells; columns of numbers to the right, a verdict in its colour."""
    numbers = [bool(rows) and all(_numeric(row[i]) for row in rows) for i in range(len(head))]
    longest = [max((len(row[i]) for row in rows), default=0) for i in range(len(head))]

    def cell(tag: str, i: int, text: str) -> str:
        kind = "n" if numbers[i] else "w" if longest[i] > 40 else ""
        if tag == "td" and head[i] == "verdict" and text in ("ok", "FAILED"):
            kind = text
        return f'<{tag} class="{kind}">{_t(text)}</{tag}>'

    top = "".join(cell("th", i, name) for i, name in enumerate(head))
    lines = ("".join(cell("td", i, text) for i, text in enumerate(row)) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    header = f"<tr>{top}</tr>" if any(head) else ""
    return f'<div class="scroll"><table>{header}{body}</table></div>'


def _numeric(cell: str) -> bool:
    """Whether a cell starts with a number, or stands for one that there is not."""
    try:
        float(cell.removeprefix("< ").split(" ")[0])
    except ValueError:
        return cell == "–"
    return True


def _image(figure: Any, name: str) -> str:
    buffer = io.BytesIO()
    # Matplotlib's compiled part makes "Invalid bounding box" of a Ctrl-C that reaches it.
    with storage.undisturbed():
        figure.savefig(buffer, format="png", dpi=150)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<figure><img alt="{_t(name)}" src="data:image/png;base64,{data}"></figure>'


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


def baseline_rows(table: Any, estimates: Any, names: tuple[str, ...]) -> list[list[str]]:
    """The parameters that model and baseline share, side by side.

    Of a task that names what convergence is judged on those alone: the order of components means nothing.
    """
    rows = []
    for name in estimates.index:
        if name in table.index and (not names or name.split("[")[0] in names):
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


def main_rows(model: Any, table: Any) -> Any:
    """The rows of a summary that a reader looks at first: all, or of a long one the main ones.

    Those are what convergence is judged on, where the task names it, and the weights; of a
    symmetric matrix one half.
    """
    names = model.converged_on()
    if not names or len(table) <= SHORT:
        return table
    order = [label for label in table.index if label.partition("[")[0] in names]
    order += [label for label in table.index if label.startswith("weight[")]
    chosen: list[str] = []
    for label in order:
        name, _, index = label.partition("[")
        entries = index.rstrip("]").split(", ")
        if f"{name}[{', '.join(reversed(entries))}]" not in chosen:
            chosen.append(label)
    return table.loc[chosen]


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
    data, diagnosis = model.data, model.diagnose()
    name = title or f"{type(model).__name__} of {getattr(data, 'name', '') or 'your data'}"
    parts = [f"<h1>{_t(name)}</h1>", f'<p class="note">{_t(repr(data)[1:-1])}</p>']
    if getattr(data, "source", ""):
        parts.append(f'<p class="note">Data: {_t(data.source)}</p>')
    parts.append(_verdict(diagnosis))
    parts.append("<h2>What was fitted</h2>")
    parts.append(f"<p>{_t((type(model).__doc__ or '').strip().splitlines()[0])}</p>")
    parts.append(f'<p class="equation">{_t(model.equation())}</p>')
    priors = [[name, _prior(prior)] for name, prior in record["priors"].items()]
    parts.append(_table(["parameter", "prior"], priors))
    parts.append("<h2>Result</h2>")
    main = main_rows(model, table)
    parts.append(
        _table(
            ["parameter", "median", "68% interval", "unit", "MC error", "R-hat", "ESS"],
            parameter_rows(main),
        )
    )
    if len(main) < len(table):
        parts.append(
            f'<p class="note">{len(main)} of {len(table)} parameters. All of them are in the table '
            "of model.summary(), which bayes-astro run writes to summary.csv.</p>"
        )
    for section in model.sections():
        parts.append(f"<h2>{_t(section.title)}</h2>")
        parts.append(_table(list(section.head), [list(row) for row in section.rows]))
        if section.note:
            parts.append(f"<p>{_t(section.note)}</p>")
    for figure in model.figure_names():
        if figure in FIGURES:
            parts.append(f"<h2>{_t(figure.capitalize())}</h2>{_image(model.plot(figure), figure)}")
    parts.append(f"<h2>Diagnosis</h2>{_verdict(diagnosis)}")
    parts.append(
        _table(
            ["check", "verdict", "figure", "limit", "advice"],
            [list(row) for row in diagnosis.rows()],
        )
    )
    if baseline is not None:
        parts.append(f"<h2>Beside {_t(type(baseline).__name__)}</h2>")
        parts.append(
            _table(
                ["parameter", "posterior (median ± sd)", "baseline (± standard error)", "unit"],
                baseline_rows(table, baseline.summary(), model.converged_on()),
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


def _verdict(diagnosis: Any) -> str:
    if diagnosis:
        return '<p class="verdict ok">No check failed.</p>'
    failed = ", ".join(check.name for check in diagnosis.failures())
    return f'<p class="verdict FAILED">Do not trust this fit yet: {_t(failed)}.</p>'


def _prior(plain: dict[str, Any]) -> str:
    arguments = {key: value for key, value in plain.items() if key != "distribution"}
    return f"{plain['distribution']}({_arguments(arguments)})"


def _arguments(settings: dict[str, Any]) -> str:
    def short(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.6g}"
        if isinstance(value, list) and len(value) > MANY and isinstance(value[0], float):
            return f"{len(value)} numbers, {short(min(value))} to {short(max(value))}"
        if isinstance(value, list):
            return "[" + ", ".join(short(item) for item in value) + "]"
        if isinstance(value, dict) and set(value) == {"value", "unit"}:
            return f"{short(value['value'])} {value['unit']}"
        return str(value)

    return ", ".join(f"{key}={short(value)}" for key, value in settings.items())


def write(model: Any, path: Any, baseline: Any = None, *, title: str = "") -> None:
    """Write `page` to a file, whole or not at all."""
    # Names may hold half a surrogate pair, which no file can.
    content = page(model, baseline, title=title).encode("utf-8", errors="replace")
    storage.write_atomically(path, lambda part: Path(part).write_bytes(content))
