"""How long work shows itself, and how it is stopped."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["Interrupt", "Progress", "interrupted", "interruptible", "warn_interrupted"]


KNOWN = 0.1  # share of the steps after which the time left is known


class Interrupt:
    """True once Ctrl-C was pressed."""

    def __init__(self) -> None:
        self.pressed = False

    def __bool__(self) -> bool:
        return self.pressed


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn the first Ctrl-C into a flag, so that what was drawn can be kept.

    A second Ctrl-C interrupts as usual. Outside of the main thread, where no handler can be set,
    KeyboardInterrupt is never raised and the flag stays down.
    """
    flag = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def press(number: int, frame: FrameType | None) -> None:
        if flag.pressed:
            raise KeyboardInterrupt
        flag.pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(tree: Any) -> bool:
    """Whether Ctrl-C ended a fit: before anything was drawn (None), or with the draws that were kept."""
    if tree is None:
        return True
    return "sample_stats" in tree and bool(tree["sample_stats"].attrs.get("interrupted"))


def warn_interrupted(drawn: str) -> None:
    """Say what an interrupted run kept."""
    warnings.warn(f"Sampling was interrupted: {drawn}", RuntimeWarning, stacklevel=4)


class Progress:
    """A bar with the time left on a terminal, elsewhere a line every 30 s; silent when not shown.

    Parameters
    ----------
    total : int
        Steps in all.
    label : str
    shown : bool
    """

    def __init__(self, total: int, label: str, *, shown: bool) -> None:
        self.total, self.label, self.shown = total, label, shown
        self._started = self._spoken = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self.shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} {task.fields[note]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(self.label, total=self.total, note="")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, step: int, note: str = "") -> None:
        """Report that `step` steps are done."""
        if not self.shown:
            return
        now = time.monotonic()
        if self._bar is not None:
            if now - self._spoken > 0.1 or step == self.total:
                self._bar.update(self._task, completed=step, note=note)
                self._spoken = now
        elif now - self._spoken > 30:
            left = (now - self._started) / max(step, 1) * (self.total - step)
            # First steps compile, or seek their length: no measure of those to come.
            time_left = f", about {left:.0f} s left" if step > KNOWN * self.total else ""
            print(f"{self.label}: {step}/{self.total} {note}{time_left}", file=sys.stderr)
            self._spoken = now
