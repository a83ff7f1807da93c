"""Which methods a task writes, which a user calls.

A method that `hook` marks is written by tasks and called by the library: it is left out of ``dir``,
of tab completion and of ``help``, together with what redefines it. A class may redefine hooks of its
base and nothing else.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

__all__ = ["Hooked", "hook", "is_hook"]


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
        if getattr(found, "__hook__", False) or name in getattr(one, "_declared", ()):
            return True
    return False


class Hooked(ABCMeta):
    """The metaclass whose ``dir`` shows what users call."""

    def __dir__(cls) -> list[str]:
        return sorted(name for name in super().__dir__() if not is_hook(cls, name))


def visible(thing: Any, names: Any) -> list[str]:
    """What ``dir`` shows of an instance."""
    return sorted(name for name in names if not is_hook(type(thing), name))
