"""The text of a specification: from untrusted TOML to tables with known keys of the right types.

A text is bounded in length and depth before it is parsed, so that every answer is quick.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from bayes_astro import registry
from bayes_astro.names import nearest
from bayes_astro.priors import Prior

__all__ = ["MAX_BYTES", "SpecError", "checked"]

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8


class SpecError(ValueError):
    """A specification that cannot be: says which key, and what was expected."""


def checked(content: bytes) -> dict[str, Any]:
    """The fields of a `bayes_astro.specs.Spec` that `content` states.

    Raises
    ------
    SpecError
        For a text that is too long, not UTF-8, nested too deeply, not TOML, or with keys and
        values that are not those of a specification.
    """
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
    return _fields(plain)


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


_NAMES = {str: "text", int: "whole number", float: "number", dict: "table", list: "list"}
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


def _fields(plain: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Spec`, each checked as far as it can be without the task or the data."""
    _typed(plain, _KINDS, "")
    for key in ("task", "data"):
        if key not in plain:
            raise SpecError(f"The key {key!r} is missing.")
    if plain["task"] not in registry.TASKS:
        raise SpecError(
            f"task: unknown task {plain['task'][:80]!r}."
            f"{nearest(plain['task'][:80], registry.TASKS)}"
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
        if not isinstance(chosen, str) or chosen not in registry.SAMPLERS:
            raise SpecError(
                f"sampler: unknown name {chosen!r:.80}.{nearest(chosen, registry.SAMPLERS)}"
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
    return {
        "task": plain["task"],
        "title": plain.get("title", ""),
        "seed": plain.get("seed", 1),
        "parameters": plain.get("parameters", {}),
        "priors": priors,
        "data": data,
        "sampler": sampler,
        "reference": reference,
    }
