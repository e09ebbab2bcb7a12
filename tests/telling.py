# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests found out and people want to read: shown once at the end, from whichever process they ran in."""

from __future__ import annotations

import os
import typing as t
from collections import Counter
from pathlib import Path

import pytest

ROW = "row of "
COUNT = "count of "
LONGEST_CELL = 150

Row = tuple[str, ...]


class Teller:
    """Takes rows of tables and counts from a test.

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
def teller(record_property: t.Callable[[str, object], None]) -> Teller:
    """Show rows and counts at the end of the run; HATCI_TABLES names a directory for the tables as Markdown."""
    return Teller(record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests told."""
    tables: dict[str, set[Row]] = {}
    counts: Counter[str] = Counter()
    # The report of a teardown is the last of a test, and has all that the test told.
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
