"""The command line: ``bayes-astro demo | run | check | list | data | cite | exercises``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["app", "main"]

app = typer.Typer(
    help="Probabilistic modelling in astronomy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

SpecArgument = Annotated[str, typer.Argument(help="A TOML file, or a name that `list` shows.")]
SeedOption = Annotated[int | None, typer.Option(help="Another seed than the specification's.")]


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


def _plain(text: Any) -> str:
    """`text` without control characters, which names from files may hold to steer a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(text))


def _print(console: Any, title: str, head: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_plain(title)), title_justify="left", title_style="bold")
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(_plain(cell)) for cell in row))
    console.print(table)


def _write(spec: Any, out: Path, seed: int | None) -> None:
    """Fit, print, and write fit, summary and report."""
    from bayes_astro import report, storage

    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} is a file: give --out a folder.")
    console = _console()
    model = spec.run(seed=seed)
    if not model.__sklearn_is_fitted__():
        raise typer.Exit(130)
    try:
        baseline = model.baseline().fit(model.data)
        without = ""
    except ValueError as error:  # what it cannot take, such as projections
        baseline, without = None, str(error)
    table = model.summary()
    console.print(_plain(spec.title or spec.name), style="bold", markup=False)
    console.print(_plain(model.equation()), markup=False)
    _print(
        console,
        "Result",
        ["parameter", "median", "68% interval", "unit", "MC error", "R-hat", "ESS"],
        report.parameter_rows(report.main_rows(model, table)),
    )
    for section in model.sections():
        _print(console, section.title, list(section.head), [list(row) for row in section.rows])
        if section.note:
            console.print(_plain(section.note), style="dim", markup=False)
    if baseline is None:
        console.print(_plain(f"No baseline beside it: {without}"), markup=False)
    else:
        _print(
            console,
            f"Beside {type(baseline).__name__}",
            ["parameter", "posterior (median ± sd)", "baseline (± standard error)", "unit"],
            report.baseline_rows(table, baseline.summary(), model.converged_on()),
        )
    diagnosis = model.diagnose()
    _print(
        console,
        "Diagnosis: " + ("no check failed" if diagnosis else "do not trust this fit yet"),
        ["check", "verdict", "figure", "limit", "advice"],
        [list(row) for row in diagnosis.rows()],
    )
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "fit.nc")
    storage.write_atomically(out / "summary.csv", lambda part: table.to_csv(part))
    report.write(model, out / "report.html", baseline, title=spec.title)
    console.print(_plain(f"Wrote {out}/report.html, fit.nc and summary.csv."), markup=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("bayes-astro-demo"),
    seed: SeedOption = None,
) -> None:
    """Fit the bundled Cepheid: its period, the odds that it is real, and a page of figures."""
    from bayes_astro import specs

    _write(specs.read("cepheid"), out, seed)


@app.command()
def run(
    spec: SpecArgument,
    out: Annotated[Path | None, typer.Option(help="Folder; default bayes-astro-NAME.")] = None,
    seed: SeedOption = None,
) -> None:
    """Fit a specification; write the fit, a summary table and the report."""
    from bayes_astro import specs

    chosen = specs.read(spec)
    _write(chosen, out or Path(f"bayes-astro-{chosen.name}"), seed)


@app.command()
def check(spec: SpecArgument, seed: SeedOption = None) -> None:
    """Fit a specification and compare with its reference results; fails beyond 4 MC errors."""
    from bayes_astro import specs

    chosen = specs.read(spec)
    chosen.reference_values()
    model = chosen.run(seed=seed)
    if not model.__sklearn_is_fitted__():
        raise typer.Exit(130)
    table = specs.check(chosen, model)
    console = _console()
    rows = [
        [
            name,
            f"{row['mean']:.8g}",
            f"{row['reference_mean']:.8g}",
            f"{row['mean_off']:.2f}",
            f"{row['sd_off']:.2f}",
            "yes" if row["reproduced"] else "NO",
        ]
        for name, row in table.iterrows()
    ]
    head = ["scalar", "mean", "reference", "mean off [MC errors]", "sd off [MC errors]", "within 4"]
    _print(console, chosen.title or chosen.name, head, rows)
    console.print(_plain(f"Reference: {chosen.reference.get('source', '')}"), markup=False)
    if not table["reproduced"].all():
        raise typer.Exit(1)


@app.command("list")
def list_() -> None:
    """The specifications that came with the package."""
    from bayes_astro import specs

    read = [specs.read(path) for path in specs.available().values()]
    rows = [[spec.name, spec.task, spec.title, "yes" if spec.reference else ""] for spec in read]
    _print(_console(), "Specifications", ["name", "task", "title", "reference"], rows)


@app.command()
def data() -> None:
    """The bundled and the larger, fetched data sets."""
    from bayes_astro.data.datasets import datasets

    table = datasets().reset_index()
    kept = [c for c in ("name", "task", "rows", "source", "licence") if c in table.columns]
    rows = [[str(row[name]) for name in kept] for _, row in table.iterrows()]
    _print(_console(), "Data sets", kept, rows)


@app.command()
def cite(spec: SpecArgument) -> None:
    """BibTeX of the methods, sampler and data of a specification."""
    from bayes_astro import citations, specs

    chosen = specs.read(spec)
    model = chosen.model()
    sampler = chosen.sampler.get("name", model.samplers[0])
    keys = [*model.references, *citations.SAMPLERS[sampler], f"data:{chosen.data.get('name', '')}"]
    typer.echo(citations.bibtex(keys))


@app.command()
def exercises(
    id: Annotated[str | None, typer.Argument(help="Such as 5.1; without it, the list.")] = None,
) -> None:
    """The exercises; with an ID, that one as a blank notebook in the current folder."""
    from bayes_astro.exercises import listing, open

    if id is None:
        table = listing.table().reset_index()
        kept = ["id", "title", "difficulty", "minutes", "task"]
        rows = [[str(row[name]) for name in kept] for _, row in table.iterrows()]
        _print(_console(), "Exercises", kept, rows)
        return
    path = open(id)
    typer.echo(f"Wrote {_plain(path)}. Open it with: jupyter lab {_plain(path)}")


def main() -> None:
    """Run the command line; an error of the user's is one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo("Error: " + _plain(" ".join(str(error).split())), err=True)
        raise SystemExit(2) from None
