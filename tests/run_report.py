# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown once at the end of a run: what tests found out, from whichever process they ran in, and the reruns."""

from __future__ import annotations

import os
import typing as t
from collections import Counter
from pathlib import Path

import pytest

ROW = "row of "
COUNT = "count of "
LONGEST_CELL = 150
TOLERATED_RERUNS = 2
"""A busy machine may cost a test its turn; more reruns than these are a race in what is tested."""

Row = tuple[str, ...]


class RunReport:
    """Takes rows of tables and counts from a test, for the end of the run.

    :param record: pytest's own way to hand a value on with the report of a test.
    """

    def __init__(self, record: t.Callable[[str, object], None]) -> None:
        self._record = record

    def row(self, table: str, *cells: str) -> None:
        """Add a row to a table."""
        self._record(ROW + table, list(cells))

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        self._record(COUNT + what, number)


@pytest.fixture
def run_report(record_property: t.Callable[[str, object], None]) -> RunReport:
    """Show rows and counts at the end of the run; HATCI_TABLES names a directory for the tables as Markdown."""
    return RunReport(record_property)


def reruns_of(reporter: pytest.TerminalReporter | None) -> Counter[str]:
    """Return how often each test was run again."""
    return Counter(report.nodeid for report in reporter.stats.get("rerun", [])) if reporter else Counter()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that needed too many reruns."""
    reruns = reruns_of(session.config.pluginmanager.get_plugin("terminalreporter"))
    if reruns.total() > TOLERATED_RERUNS and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the tests that were run again, and what tests reported."""
    if reruns := reruns_of(terminalreporter):
        terminalreporter.section("reruns")
        for test, number in sorted(reruns.items()):
            terminalreporter.write_line(f"{test}: {number}")
        if reruns.total() > TOLERATED_RERUNS:
            terminalreporter.write_line(
                f"{reruns.total()} reruns; more than {TOLERATED_RERUNS} hide a race, so the run has failed."
            )
    tables: dict[str, set[Row]] = {}
    counts: Counter[str] = Counter()
    # The report of a teardown is the last of a test, and has all that the test reported.
    for report in [report for report in terminalreporter.getreports("") if report.when == "teardown"]:
        for name, value in report.user_properties:
            if name.startswith(ROW):
                tables.setdefault(name.removeprefix(ROW), set()).add(tuple(value))
            elif name.startswith(COUNT):
                counts[name.removeprefix(COUNT)] += value
    for table, rows in sorted(tables.items()):
        terminalreporter.section(table)
        for row in sorted(rows):
            terminalreporter.write_line(" | ".join(cell[:LONGEST_CELL] for cell in row))
        if directory := os.environ.get("HATCI_TABLES"):
            lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |\n" for row in sorted(rows)]
            Path(directory).mkdir(parents=True, exist_ok=True)
            Path(directory, f"{table.replace(' ', '-')}.md").write_text("".join(lines), encoding="utf-8")
    if counts:
        terminalreporter.section("counts")
        for what, number in sorted(counts.items()):
            terminalreporter.write_line(f"{what}: {number}")
