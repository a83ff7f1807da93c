"""Constructor parameters as scikit-learn handles them, without importing it.

Estimators are dataclasses: their fields are what the constructor takes, stored as given.
``sklearn.base.clone``, pipelines and searches need no more than what is here.
"""

from __future__ import annotations

import html
from dataclasses import MISSING, fields
from typing import Any

__all__ = ["Configured"]


class Configured:
    """A dataclass with `get_params`, `set_params` and a short repr."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters by name.

        Parameters
        ----------
        deep : bool
            With those of parameters that are estimators themselves, as ``name__parameter``.

        Returns
        -------
        dict
            Name to value, as given.
        """
        found: dict[str, Any] = {}
        for field in fields(self):  # type: ignore[arg-type]
            value = found[field.name] = getattr(self, field.name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                inner = value.get_params().items()
                found |= {f"{field.name}__{name}": own for name, own in inner}
        return found

    def set_params(self, **parameters: Any) -> Any:
        """Change parameters by name.

        Parameters
        ----------
        **parameters : object
            New values; ``name__parameter`` reaches into a parameter that is an estimator.

        Returns
        -------
        Estimator
            This estimator itself.

        Raises
        ------
        ValueError
            For a name that is no parameter.
        """
        known = self.get_params(deep=False)
        nested: dict[str, dict[str, Any]] = {}
        for name, value in parameters.items():
            first, delimiter, rest = name.partition("__")
            if first not in known:
                raise ValueError(
                    f"Invalid parameter {first!r} for {type(self).__name__}. "
                    f"Valid parameters are: {', '.join(known)}."
                )
            if delimiter:
                nested.setdefault(first, {})[rest] = value
            else:
                setattr(self, name, value)
        for name, inner in nested.items():
            getattr(self, name).set_params(**inner)
        return self

    def copy(self, **changed: Any) -> Any:
        """An unfitted twin, some of its parameters changed."""
        return type(self)(**(self.get_params(deep=False) | changed))

    def __sklearn_clone__(self) -> Any:
        return self.copy()

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(None, TargetTags(required=False), no_validation=True)

    def __repr__(self) -> str:
        given = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            default = field.default
            if (
                default is MISSING
                or type(value) is not type(default)
                or repr(value) != repr(default)
            ):
                given.append(f"{field.name}={value!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
