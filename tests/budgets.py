"""CPU time of the tests, file by file, and what each file may take.

A plugin of the run itself (`conftest.py` loads it): every file's time is printed at the end, and a file
that takes more than its budget fails the run. Compiling kernels is not counted: a fresh machine does it
once, whichever test comes first. Seconds are those of a machine that adds up a million numbers in `COUNTED`
seconds; where this one takes longer, before or after the tests, budgets are longer, too.
"""

from __future__ import annotations

import resource
import time
from collections import defaultdict

import pytest

BUDGET = {"fast": 20.0, "slow": 60.0}  # CPU seconds of one file
OWN: dict[str, dict[str, float]] = {
    "tests/test_contract.py": {"fast": 250.0},
    "tests/test_storage.py": {"fast": 60.0},
    "tests/samplers/test_agreement.py": {"slow": 400.0},
    "tests/test_calibration.py": {"slow": 240.0},
    "tests/density/test_extreme_deconvolution.py": {"slow": 90.0},
}
"""Files that may take more: what runs for every task, or checks what cannot be had for less."""
ROOM = 2.0  # neighbours on the same machine differ
COUNTED = 0.055


def pace() -> float:
    """How many times longer this machine takes at present."""
    started = time.process_time()
    total = 0
    for i in range(3_000_000):
        total += i % 7
    return max(1.0, (time.process_time() - started) / 3 / COUNTED)


class Clock:
    """CPU time of this process and its children, without compiling."""

    def __init__(self) -> None:
        self.compiled, self.depth, self.started = 0.0, 0, 0.0
        self.last = self.now()

    def now(self) -> float:
        """Seconds."""
        of = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in of) - self.compiled

    def lap(self) -> float:
        """Seconds since the last call."""
        now = self.now()
        took, self.last = now - self.last, now
        return took

    def listen(self) -> None:
        """Leave out what Numba says it spends on compiling; one compilation may be within another."""
        from numba.core import event

        clock = self

        class Compiling(event.Listener):
            def on_start(self, _):
                if clock.depth == 0:
                    clock.started = time.thread_time()
                clock.depth += 1

            def on_end(self, _):
                clock.depth -= 1
                if clock.depth == 0:
                    clock.compiled += time.thread_time() - clock.started

        event.register("numba:compile", Compiling())


class Budgets:
    """Adds up what the reports of all workers say."""

    def __init__(self, tier: str) -> None:
        self.tier, self.pace = tier, pace()
        self.spent: dict[str, float] = defaultdict(float)
        self.clock: Clock | None = None

    def start(self) -> None:
        """In a process that runs tests."""
        self.clock = Clock()
        self.clock.listen()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """A report says how long its phase took."""
        report = yield
        if self.clock is None:
            self.start()
        report.cpu = self.clock.lap()
        return report

    def pytest_runtest_logreport(self, report) -> None:
        """Here all reports arrive."""
        self.spent[report.nodeid.split("::")[0]] += getattr(report, "cpu", 0.0)

    def allowed(self, path: str) -> float:
        """Seconds."""
        budget = OWN.get(path, {}).get(self.tier, BUDGET.get(self.tier, float("inf")))
        return budget * self.pace

    def over(self) -> list[str]:
        """Files that took too much."""
        return [path for path, took in self.spent.items() if took > ROOM * self.allowed(path)]

    def pytest_terminal_summary(self, terminalreporter) -> None:
        """The table."""
        terminalreporter.write_line(f"budgets of this machine: {self.pace:.2f} times those written")
        terminalreporter.section(f"CPU seconds of each file, {self.tier} tier, without compiling")
        for path, took in sorted(self.spent.items(), key=lambda pair: -pair[1]):
            if took >= 1:
                terminalreporter.write_line(f"{took:7.1f} of {self.allowed(path):5.0f}  {path}")
        terminalreporter.write_line(f"{sum(self.spent.values()):7.1f} in all")
        for path in self.over():
            terminalreporter.write_line(f"OVER BUDGET (tests/budgets.py): {path}", red=True)

    def pytest_sessionfinish(self, session) -> None:
        """A file over its budget fails the run."""
        self.pace = max(self.pace, pace())
        if self.over() and session.exitstatus == 0 and not hasattr(session.config, "workerinput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
