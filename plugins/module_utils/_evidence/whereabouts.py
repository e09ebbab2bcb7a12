# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the evidence of a test whose play has died: by the name with which it began, or by its test event."""

from __future__ import annotations

import contextlib
import pathlib

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record


def found_again(directory: pathlib.Path) -> pathlib.Path:
    """Return where the evidence is that began in a directory, which bundling may have given another name."""
    with contextlib.suppress(OSError):
        if directory.is_dir():
            return directory
        for other in _tests_in(directory.parent):
            if other.name.startswith(f"{directory.name}-") and _begin_of(other).get("name") == directory.name:
                return other
    return directory


def test_event_of(directory: pathlib.Path) -> str:
    """Return the id of the test event that the evidence in a directory is of; empty if it is not known."""
    try:
        return str(make_record(journal.read(directory))["ids"]["test_event_id"] or "")
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return ""


def left_by(job: str, parent: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the evidence that a job left in a directory of many tests, by test event.

    :raises OSError: the directory cannot be read.
    """
    found = {}
    for directory in _tests_in(parent):
        about = _begin_of(directory).get("job")
        if isinstance(about, dict) and about.get("id") == job and (test_event := test_event_of(directory)):
            found[test_event] = directory
    return found


def _tests_in(parent: pathlib.Path) -> list[pathlib.Path]:
    return [journal_file.parent for journal_file in sorted(parent.glob(f"*/{journal.JOURNAL}"))]


def _begin_of(directory: pathlib.Path) -> journal.Line:
    try:
        return next((line for line in journal.read(directory).lines if line["event"] == "test"), {})
    except OSError:
        return {}
