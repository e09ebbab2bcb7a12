# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a test: one JSON object a line, each whole on the disk before the test goes on."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.clock import moment
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import (
    MAX_ITEMS,
    MAX_TEXT,
    has_longer,
    shorten,
    structure_of,
)

JOURNAL = "journal.jsonl"

MAX_LINE = 48 * 1024
MAX_BYTES = 224 * 1024
"""Of a journal; after that only what must not be missing is written."""

MAX_STATES = 192 * 1024
MAX_OTHERS = 160 * 1024
"""So long a journal may be for the states of a deployment, and for steps of which a record needs nothing; the rest is
for those it is made of, since the record shall tell the same outcome however much was said before."""

MAX_LATE_LINE = 6 * 1024
"""Of a step that a record is made of, where the others have no room any more."""

MADE_OF = frozenset(
    (
        *("hatci_test_event", "hatci_create_event", "hatci_deploy_event", "hatci_resume", "hatci_update_status"),
        *("hatci_vehicle_check", "hatci_end_check", "hatci_test_event_update"),
        *("jumpstarter_lease", "jumpstarter_diagnostics", "jumpstarter_disturbance"),
    )
)
"""The modules whose steps a record is made of."""

LIMITS = ((MAX_ITEMS, MAX_TEXT), (40, 1000), (8, 200), (2, 100))
"""So many items and characters are kept of a line; the next pair if it is too long."""

FULL = b'"event": "full"'

SHORTENED = "shortened"

MUST_NOT_MISS = frozenset({"test", "console", "result", "key"})

Line = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Journal:
    """What a journal holds.

    :param lines: those that are whole, in their order.
    :param torn: how many are not, which whoever was killed while writing leaves.
    :param is_full: whether lines are missing, since there were too many.
    :param shortened: how many lack items of a list, since there were too many.
    """

    lines: list[Line]
    torn: int
    is_full: bool
    shortened: int = 0


def create(directory: pathlib.Path) -> None:
    """Create an empty journal.

    :raises OSError: it cannot be created, or there is one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    os.close(os.open(directory / JOURNAL, flags, 0o644))


def append(directory: pathlib.Path | str, event: str, values: Line, secrets: t.Collection[str] = ()) -> None:
    """Append a line to the journal of a directory and wait until it is on the disk.

    :param secrets: texts that must not appear in it.
    :raises OSError: it cannot be written.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(pathlib.Path(directory) / JOURNAL, flags)
    try:
        size = os.fstat(descriptor).st_size
        room = _room_for(event, values)
        is_late = room == MAX_BYTES and size > MAX_OTHERS
        line = _encoded(event, values, secrets, MAX_LATE_LINE if is_late else MAX_LINE)
        if room is not None and size + len(line) > room:
            if size > room and FULL in os.pread(descriptor, size, 0):
                return
            line = _encoded("full", {}, ()).rjust(room - size + 1)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _room_for(event: str, values: Line) -> int | None:
    """Return how long a journal may get by a line, None for one that must not be missing."""
    if event in MUST_NOT_MISS:
        return None
    if event == "state":
        return MAX_STATES
    ends_noted_step = event == "end" and values.get("module") == ""  # only if its begin is there
    is_of_record = values.get("module") in MADE_OF and not values.get("is_of_lab")
    return MAX_BYTES if is_of_record or ends_noted_step else MAX_OTHERS


def read(directory: pathlib.Path) -> Journal:
    """Read the journal of a directory.

    :raises OSError: it cannot be read.
    """
    lines, torn = [], 0
    for raw in (directory / JOURNAL).read_bytes().split(b"\n"):
        if raw.strip():
            line = _decoded(raw)
            lines += [line] if line else []
            torn += not line
    kept = [line for line in lines if line["event"] != "full"]
    return Journal(kept, torn, len(kept) < len(lines), sum(bool(line.pop(SHORTENED, False)) for line in kept))


def _encoded(event: str, values: Line, secrets: t.Collection[str], longest: int = MAX_LINE) -> bytes:
    """Return a line; of one that would be too long less and less is kept, and it says that items are missing."""
    encoded = b""
    for items, text in LIMITS:
        shown = {**shorten(values, secrets, items=items, text=text), **structure_of(values, secrets)}
        shown |= {SHORTENED: True} if has_longer(values, items) else {}
        line = {**moment(), "event": event, **shown}
        encoded = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
        if len(encoded) <= longest:
            break
    return encoded + b"\n"


def _decoded(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    is_line = isinstance(line, dict) and isinstance(line.get("time"), str) and isinstance(line.get("event"), str)
    return line if is_line else None
