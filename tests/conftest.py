"""For all tests: a session that has run the tests of a row of the table of parity fails where they did not hold it."""

from __future__ import annotations

import pytest

from isvc import parity
from parity_rows import not_held


class Held:
    """Watches a session, and speaks at its end unless a part of its files' tests was not asked for."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.files: set[str] = set()
        self.partial = False

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.partial = self.partial or bool(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.files = {item.nodeid.partition("::")[0] for item in session.items}
        self.partial = self.partial or any("::" in word for word in session.config.args)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        missing = self._missing(session, exitstatus)
        if missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        for line in self.said:
            terminalreporter.write_line(f"parity: not held: {line}", red=True)

    said: tuple[str, ...] = ()

    def _missing(self, session: pytest.Session, exitstatus: int) -> tuple[str, ...]:
        stopped = bool(session.shouldstop or session.shouldfail) or exitstatus == pytest.ExitCode.INTERRUPTED
        if self.partial or stopped or session.config.option.collectonly:
            return ()
        self.said = tuple(not_held(parity.load(), self.outcomes, self.files))
        return self.said


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Held(), "parity-held")
