"""What a user calls of a class, and what is for the library: the one declaration of both.

A method that `hook` marks is written by tasks and called by the library; names in the ``_internal`` of
a class are the library's own, too. Both are left out of ``dir``, of tab completion, of ``help`` and of
the reference, together with what redefines them. A class may redefine hooks of its base and nothing
else.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any, ClassVar

__all__ = ["Shown", "hook", "is_hook", "verbs"]


def hook[F](function: F) -> F:
    """Mark a method as one that tasks write."""
    target: Any = function
    while isinstance(target, property | staticmethod | classmethod):
        target = target.fget if isinstance(target, property) else target.__func__
    target.__hook__ = True
    return function


def is_hook(owner: type, name: str) -> bool:
    """Whether `name` is a hook of a class or of one that it extends."""
    for one in owner.__mro__:
        found: Any = one.__dict__.get(name)
        if isinstance(found, property):
            found = found.fget
        found = getattr(found, "__func__", found)
        if getattr(found, "__hook__", False) or name in one.__dict__.get("_internal", ()):
            return True
    return False


class Hooked(ABCMeta):
    """The metaclass whose ``dir`` shows what users call."""

    def __dir__(cls) -> list[str]:
        return sorted(name for name in super().__dir__() if not is_hook(cls, name))


class Shown(metaclass=Hooked):
    """A class whose ``dir``, of itself and of instances, shows what users call."""

    _internal: ClassVar[tuple[str, ...]] = ("_internal",)

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not is_hook(type(self), name))


def verbs(owner: type) -> list[str]:
    """Methods and properties of a class that users call.

    Without the parameters that it is made of, and what it has from Python's own types.
    """
    made_of = {*getattr(owner, "__dataclass_fields__", ()), *getattr(owner, "_fields", ())}
    made_of |= {name for one in owner.__mro__ if one.__module__ == "builtins" for name in vars(one)}
    return [name for name in dir(owner) if not name.startswith("_") and name not in made_of]
