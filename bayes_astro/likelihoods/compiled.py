"""How kernels are compiled: once for a version of their sources, and kept where one may write.

Numba keeps machine code beside a function's file and takes it again while that one file is
unchanged, also where the function calls others that have changed; and where no folder can be
written it refuses to compile at all. Here the stamp is a hash of the sources of all kernels, so that
changed mathematics is never served from an old cache, and the last resort is a private temporary
folder, which lasts as long as the process.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numba
from numba.core import caching
from numba.core.ccallback import CFunc

__all__ = ["Callback", "kernel", "ready_pytensor", "source_hash"]

PLAIN = {"error_model": "numpy", "nogil": True}


@cache
def source_hash() -> str:
    """Hash of the sources of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _private() -> str:
    """A folder of this process alone, for where no other can be written."""
    folder = tempfile.mkdtemp(prefix="bayes_astro-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    print(
        "bayes_astro: no folder for compiled code can be written, so that it is kept for this process "
        "alone; set NUMBA_CACHE_DIR to a folder that can.",
        file=sys.stderr,
    )
    return folder


@cache
def _is_writable(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@cache
def folder_of(source: str) -> str:
    """Where machine code of functions in the file `source` is kept."""
    beside = os.path.dirname(os.path.abspath(source))
    own = f"{os.path.basename(beside)}_{hashlib.sha256(beside.encode()).hexdigest()[:12]}"
    wanted = []
    if numba.config.CACHE_DIR:
        wanted.append(os.path.join(numba.config.CACHE_DIR, own))
    else:
        wanted.append(os.path.join(beside, "__pycache__"))
        user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        if os.path.isabs(user):
            wanted.append(os.path.join(user, "bayes_astro", own))
    for folder in wanted:
        if _is_writable(folder):
            return folder
    return os.path.join(_private(), own)


class _Locator(caching._CacheLocator):
    """Tells Numba the folder and the stamp."""

    def __init__(self, function: Any, source: str) -> None:
        self._folder, self._line = folder_of(source), function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return self._folder

    def get_source_stamp(self) -> str:
        return source_hash()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Any, source: str) -> _Locator:
        os.makedirs(folder_of(source), exist_ok=True)
        return cls(function, source)


class _Results(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]


class _Cache(caching.FunctionCache):
    _impl_class = _Results


def kernel(function: Callable | None = None, /, **options: Any) -> Any:
    """Compile a function on its first call with Numba, without the GIL, and keep it on disk.

    Parameters
    ----------
    function : callable
    **options
        Of `numba.njit`, beyond ``error_model="numpy"`` and ``nogil=True``.
    """
    if function is None:
        return lambda given: kernel(given, **options)
    dispatcher = numba.njit(**(PLAIN | options))(function)
    dispatcher._cache = _Cache(function)
    return dispatcher


class Callback:
    """A function that other machine code calls by its address, compiled when it is first asked for.

    Parameters
    ----------
    signature : Numba signature
    function : callable
        Its closure, if any, holds plain numbers and tuples only: they are part of the cache's key.
    """

    def __init__(self, signature: Any, function: Callable, **options: Any) -> None:
        self.signature, self.function, self.options = signature, function, PLAIN | options
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    @cached_property
    def compiled(self) -> Any:
        """Numba's own object."""
        signature = self.signature.args, self.signature.return_type
        found: Any = CFunc(self.function, signature, {}, self.options)
        found._cache = _Cache(self.function)
        found.compile()
        return found

    @property
    def address(self) -> int:
        """Of the machine code."""
        return int(self.compiled.address)


@cache
def ready_pytensor() -> None:
    """Give PyTensor a folder where it finds none; before it is first imported."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" in sys.modules or "base_compiledir" in flags:
        return
    if not _is_writable(os.path.expanduser("~/.pytensor")):
        own = f"base_compiledir={os.path.join(_private(), 'pytensor')}"
        os.environ["PYTENSOR_FLAGS"] = f"{flags},{own}" if flags else own
