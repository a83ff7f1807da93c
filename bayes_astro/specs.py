"""Runnable model specifications: TOML, data and never code.

.. code-block:: toml

    title = "A Cepheid"
    task = "Periodogram"
    seed = 1
    [parameters]            # of the task
    n_terms = 3
    [priors.jitter]         # any prior other than the default
    distribution = "HalfNormal"
    sigma = 0.1
    [data]
    name = "eros2-cepheid"  # or file = "table.csv" with [data.columns]
    band = "B"              # or rows = [4, 20], or exact = ["x"]: columns known exactly
    [sampler]
    name = "Exact"
    draws = 4000
    [reference]
    source = "where the numbers come from"
    [reference.values.period]
    mean = 4.19116
    sd = 5e-5
    mcse = 5e-7             # Monte Carlo error of the mean
    mcse_sd = 4e-7          # and of the sd
"""

from __future__ import annotations

import inspect
import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_astro.names import nearest
from bayes_astro.priors import Prior

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Spec", "SpecError", "available", "check", "read"]

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
WITHIN = 4.0
"""Combined Monte Carlo errors within which a result reproduces its reference."""


class SpecError(ValueError):
    """A specification that cannot be: says which key, and what was expected."""


@dataclass(frozen=True)
class Spec:
    """A checked specification."""

    task: str
    title: str = ""
    seed: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)
    priors: dict[str, Prior] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    sampler: dict[str, Any] = field(default_factory=dict)
    reference: dict[str, Any] = field(default_factory=dict)
    folder: str = "."
    name: str = ""

    def model(self) -> Any:
        """The unfitted model."""
        import bayes_astro

        task = bayes_astro.load_public(bayes_astro.TASKS[self.task], self.task)
        known = {f.name: f for f in fields(task) if f.name != "priors"}
        for key in self.parameters:
            if key not in known:
                raise SpecError(
                    f"parameters: {self.task} has no parameter {key!r:.80}.{nearest(key, known)}"
                )
        for key, parameter in known.items():
            if parameter.default is MISSING and key not in self.parameters:
                raise SpecError(f"parameters: {self.task} needs {key!r}.")
        parameters = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.parameters.items()
        }
        try:
            model = task(**parameters, priors=dict(self.priors) or None)
            model.check_parameters()
        except (ValueError, TypeError) as error:
            raise SpecError(f"parameters: {error}") from None
        return model

    def reference_values(self) -> dict[str, dict[str, float]]:
        """The reference results by name; an error where there are none."""
        values = self.reference.get("values", {})
        if not values:
            raise SpecError(
                f"{self.name or 'This specification'} has no reference results to check."
            )
        return values

    def chosen_sampler(self) -> Any:
        """The sampler, or None for the task's first."""
        import bayes_astro

        if not self.sampler:
            return None
        name = self.sampler["name"]
        sampler = bayes_astro.load_public(bayes_astro.SAMPLERS[name], name)
        known = [f.name for f in fields(sampler)]
        settings = {key: value for key, value in self.sampler.items() if key != "name"}
        for key in settings:
            if key not in known:
                raise SpecError(f"sampler: {name} has no setting {key!r:.80}.{nearest(key, known)}")
        try:
            return sampler(**settings)
        except (TypeError, ValueError) as error:
            raise SpecError(f"sampler: {error}") from None

    def load_data(self) -> Any:
        """The data container."""
        import bayes_astro

        model = self.model()
        if "name" in self.data:
            data = bayes_astro.load(self.data["name"])
            if not isinstance(data, model.data_type):
                raise SpecError(
                    f"data: {self.data['name']!r} is a {type(data).__name__}, and {self.task} "
                    f"takes a {model.data_type.__name__}."
                )
        else:
            path = Path(self.folder) / self.data["file"]
            columns = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in self.data.get("columns", {}).items()
            }
            known = list(inspect.signature(model.data_type.read).parameters)[1:]
            for key in columns:
                if key not in known:
                    raise SpecError(
                        f"data.columns: {model.data_type.__name__} has no {key!r:.80}."
                        f"{nearest(key, known)}"
                    )
            try:
                data = model.data_type.read(path, **columns)
            except (TypeError, AttributeError) as error:
                raise SpecError(f"data.columns: {error}.") from None
        if "band" in self.data:
            if not hasattr(data, "bands"):
                raise SpecError(f"data: band is for light curves, not for {type(data).__name__}.")
            data = data.select(self.data["band"])
        if "exact" in self.data:
            if not hasattr(data, "without_error"):
                raise SpecError(f"data: exact is for measurements, not for {type(data).__name__}.")
            data = data.without_error(*self.data["exact"])
        if "rows" in self.data:
            data = data[slice(*self.data["rows"])]
        return data

    def run(self, *, seed: int | None = None, progress: bool = True) -> Any:
        """Fit the model to the data, as stated."""
        model, sampler = self.model(), self.chosen_sampler()
        return model.fit(
            self.load_data(), sampler, seed=self.seed if seed is None else seed, progress=progress
        )


def available() -> dict[str, Path]:
    """Specifications that came with the package, by name."""
    packaged = Path(str(resources.files("bayes_astro"))) / "models"
    # An editable install has them beside the package rather than inside.
    folder = packaged if packaged.is_dir() else packaged.parent.parent / "models"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(source: str | Path) -> Spec:
    """Read and check a specification.

    Parameters
    ----------
    source : str or Path
        A file, or the name of one in `available`.

    Raises
    ------
    SpecError
        For a file that is missing, longer than 64 kB, nested deeper than 8, not TOML, or with keys
        and values that are not those of a specification; an unknown key names the nearest.
    """
    path = Path(source)
    try:
        found = path.is_file()
        if not path.suffix and not found:
            named = available()
            if str(source) not in named:
                raise SpecError(
                    f"There is no file {str(source)!r} and no specification of that name."
                    f"{nearest(source, named)}"
                )
            path, found = named[str(source)], True
        if not found:
            raise SpecError(f"There is no file {str(path)!r}.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    return parse(content, folder=str(path.parent), name=path.stem)


def parse(content: bytes, *, folder: str = ".", name: str = "") -> Spec:
    """Check the content of a specification; see `read`."""
    if len(content) > MAX_BYTES:
        raise SpecError(f"A specification has at most {MAX_BYTES} bytes; this one is longer.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"A specification is UTF-8 text; byte {error.start} is not.") from None
    _check_nesting(text)
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"Not valid TOML: {error}.") from None
    _check_values(plain, 0)
    return _checked(plain, folder, name)


# Possessive, and closing quotes optional: no text is read twice, whatever is left open.
_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+"
    r"|[\[\]{}.\n=,]",
    re.DOTALL,
)


def _check_nesting(text: str) -> None:
    """Refuse what makes a TOML parser recurse or go quadratic, before it is parsed."""
    depth = dots = 0
    for match in _TOKENS.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            depth, dots = depth + 1, 0
        elif token in ("]", "}"):
            depth = max(0, depth - 1)
        elif token == ".":
            dots += 1
        elif token in ("\n", "=", ","):
            dots = 0
        if depth > MAX_DEPTH or dots > MAX_DEPTH:
            raise SpecError(f"A specification is at most {MAX_DEPTH} levels deep.")


def _check_values(value: Any, depth: int) -> None:
    """Refuse nesting that headers add up to, and integers beyond the 64 bits of TOML."""
    if isinstance(value, dict | list):
        if depth == MAX_DEPTH:
            raise SpecError(f"A specification is at most {MAX_DEPTH} levels deep.")
        for item in value.values() if isinstance(value, dict) else value:
            _check_values(item, depth + 1)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise SpecError("A whole number of a specification has at most 64 bits.")


_KINDS: dict[str, type] = {
    "title": str,
    "task": str,
    "seed": int,
    "parameters": dict,
    "priors": dict,
    "data": dict,
    "sampler": dict,
    "reference": dict,
}
_DATA: dict[str, type] = {
    "name": str,
    "file": str,
    "columns": dict,
    "band": str,
    "rows": list,
    "exact": list,
}
_REFERENCE: dict[str, type] = {"source": str, "values": dict}
_VALUE: dict[str, type] = {"mean": float, "sd": float, "mcse": float, "mcse_sd": float}


def _typed(table: Any, kinds: dict[str, type], where: str) -> dict[str, Any]:
    """`table` with known keys of the right types only."""
    prefix = f"{where}: " if where else ""
    if not isinstance(table, dict):
        raise SpecError(f"{prefix}expected a table, got {table!r:.80}.")
    for key, value in table.items():
        if key not in kinds:
            raise SpecError(f"{prefix}unknown key {key[:80]!r}.{nearest(key[:80], kinds)}")
        kind = kinds[key]
        right = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not right or (isinstance(value, bool) and kind is not bool):
            raise SpecError(f"{prefix}{key} must be a {_NAMES[kind]}, got {value!r:.80}.")
        if kind is float and not abs(value) < 1e300:
            raise SpecError(f"{prefix}{key} must be finite, got {value!r:.80}.")
    return table


_NAMES = {str: "text", int: "whole number", float: "number", dict: "table", list: "list"}


def _checked(plain: dict[str, Any], folder: str, name: str) -> Spec:
    import bayes_astro

    _typed(plain, _KINDS, "")
    for key in ("task", "data"):
        if key not in plain:
            raise SpecError(f"The key {key!r} is missing.")
    if plain["task"] not in bayes_astro.TASKS:
        raise SpecError(
            f"task: unknown task {plain['task'][:80]!r}."
            f"{nearest(plain['task'][:80], bayes_astro.TASKS)}"
        )
    if plain.get("seed", 0) < 0:
        raise SpecError(f"seed must not be negative, got {plain['seed']}.")
    data = _typed(plain["data"], _DATA, "data")
    if ("name" in data) == ("file" in data):
        raise SpecError("data: give either the name of a bundled data set or a file.")
    if "columns" in data and "name" in data:
        raise SpecError("data: columns belong to a file; a bundled data set knows its own.")
    rows = data.get("rows", [])
    if "rows" in data and (len(rows) != 2 or not all(type(row) is int for row in rows)):
        raise SpecError(f"data: rows must be [first, one past the last], got {rows!r:.80}.")
    if not all(isinstance(column, str) for column in data.get("exact", [])):
        raise SpecError(f"data: exact must list names of columns, got {data['exact']!r:.80}.")
    sampler = plain.get("sampler", {})
    if sampler:
        chosen = sampler.get("name")
        if not isinstance(chosen, str) or chosen not in bayes_astro.SAMPLERS:
            raise SpecError(
                f"sampler: unknown name {chosen!r:.80}.{nearest(chosen, bayes_astro.SAMPLERS)}"
            )
    priors = {}
    for key, table in plain.get("priors", {}).items():
        try:
            priors[key] = Prior.from_dict(table)
        except (ValueError, TypeError) as error:
            raise SpecError(f"priors.{key[:80]}: {error}") from None
    reference = _typed(plain.get("reference", {}), _REFERENCE, "reference")
    for key, value in reference.get("values", {}).items():
        where = f"reference.values.{key[:80]}"
        _typed(value, _VALUE, where)
        for needed in ("mean", "sd", "mcse"):
            if needed not in value:
                raise SpecError(f"{where}: {needed!r} is missing.")
        for name_of_error in ("mcse", "mcse_sd"):
            if value.get(name_of_error, 1) <= 0:
                raise SpecError(
                    f"{where}: {name_of_error} must be positive, got {value[name_of_error]}."
                )
    return Spec(
        task=plain["task"],
        title=plain.get("title", ""),
        seed=plain.get("seed", 1),
        parameters=plain.get("parameters", {}),
        priors=priors,
        data=data,
        sampler=sampler,
        reference=reference,
        folder=folder,
        name=name,
    )


def check(spec: Spec, model: Any) -> pd.DataFrame:
    """Compare a fit with the reference results of its specification.

    Returns
    -------
    pandas.DataFrame
        One row a reference value: mean and sd here and there, their differences in combined Monte
        Carlo errors, and ``reproduced``: both at most 4.
    """
    import pandas as pd
    from arviz_stats.base import array_stats

    from bayes_astro.diagnostics import scalars

    values = spec.reference_values()
    draws = {label: x for label, x, _ in scalars(model.posterior["posterior"].to_dataset())}
    if "evidence" in model.posterior:
        for key, value in model.posterior["evidence"].data_vars.items():
            draws[str(key)] = value.values.reshape(1, 1)
    rows = {}
    axes = {"chain_axis": 0, "draw_axis": 1}
    for name, expected in values.items():
        if name not in draws:
            raise SpecError(f"reference: no scalar {name!r} in this fit.{nearest(name, draws)}")
        x = draws[name]
        row = {"mean": x.mean(), "reference_mean": expected["mean"]}
        error = expected["mcse"]
        if x.size > 1:
            error = (error**2 + float(array_stats.mcse(x, method="mean", **axes)) ** 2) ** 0.5
        row["mean_off"] = abs(row["mean"] - expected["mean"]) / error
        row |= {"sd": x.std(), "reference_sd": expected["sd"], "sd_off": 0.0}
        if x.size > 1 and "mcse_sd" in expected:
            own = float(array_stats.mcse(x, method="sd", **axes))
            error = (expected["mcse_sd"] ** 2 + own**2) ** 0.5
            row["sd_off"] = abs(row["sd"] - expected["sd"]) / error
        row["reproduced"] = row["mean_off"] <= WITHIN and row["sd_off"] <= WITHIN
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")
