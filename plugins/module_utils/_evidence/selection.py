# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests of a directory are in its index, and which are not."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.attestation import RECORD
from ansible_collections.hatci.automation.plugins.module_utils._evidence.bundle import read_record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.journal import JOURNAL
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record

MAX_TESTS = 1000
MAX_NAMES = 5


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """What is not in an index.

    :param older: number of tests that are older than those in it.
    :param without_record: names of directories whose test left a journal and no record that can be read.
    :param closed: names of directories into which this user may not look.
    """

    older: int
    without_record: tuple[str, ...]
    closed: tuple[str, ...] = ()

    def told(self) -> list[str]:
        """Return it in sentences."""
        told = []
        if self.older:
            told.append(f"Only the latest {MAX_TESTS} tests are listed; older ones in this directory: {self.older}.")
        if self.without_record:
            told.append(f"Not listed, since they have no record yet: {_listed(self.without_record)}.")
        if self.closed:
            told.append(f"Not listed, since this user may not read them: {_listed(self.closed)}.")
        return told


def select(path: pathlib.Path, given: t.Container[str]) -> tuple[list[tuple[pathlib.Path, Record]], LeftOut]:
    """Return the latest tests of a directory with their records, the latest first, and what is left out.

    :param given: paths of tests that belong to them however old they are, and that are told of elsewhere if they have
        no record.
    :raises OSError: the directory cannot be read.
    """
    shown: list[tuple[pathlib.Path, Record]] = []
    older, without_record = 0, []
    tests, closed = [], []
    for child in sorted(path.iterdir()):
        try:
            tests += [child] if any((child / name).is_file() for name in (JOURNAL, RECORD)) else []
        except OSError:
            closed.append(child.name)
    for directory in sorted(tests, reverse=True):
        if len(shown) >= MAX_TESTS and str(directory) not in given:
            older += 1
        elif record := read_record(directory):
            shown.append((directory, record))
        elif str(directory) not in given and (directory / JOURNAL).is_file():
            without_record.append(directory.name)
    return shown, LeftOut(older, tuple(without_record), tuple(closed))


def _listed(names: t.Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return f"{', '.join(names[:MAX_NAMES])}{f' and {more} more' if more > 0 else ''}"
