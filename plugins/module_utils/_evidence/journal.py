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

from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import (
    MAX_ITEMS,
    MAX_TEXT,
    has_longer,
    shorten,
    structure_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

JOURNAL = "journal.jsonl"

MAX_LINE = 48 * 1024
MAX_BYTES = 224 * 1024
"""Of a journal; after that only what must not be missing is written."""

LIMITS = ((MAX_ITEMS, MAX_TEXT), (40, 1000), (8, 200), (2, 100))
"""So many items and characters are kept of a line; the next pair if it is too long."""

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
        line = _encoded(event, values, secrets)
        if size + len(line) > MAX_BYTES and event not in MUST_NOT_MISS:
            if size > MAX_BYTES:
                return
            line = _encoded("full", {}, ()).rjust(MAX_BYTES - size + 1)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def _encoded(event: str, values: Line, secrets: t.Collection[str]) -> bytes:
    """Return a line; of one that would be too long less and less is kept, and it says that items are missing."""
    encoded = b""
    for items, text in LIMITS:
        shown = {**shorten(values, secrets, items=items, text=text), **structure_of(values, secrets)}
        shown |= {SHORTENED: True} if has_longer(values, items) else {}
        line = {"time": utc_time(), "event": event, **shown}
        encoded = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace")
        if len(encoded) <= MAX_LINE:
            break
    return encoded + b"\n"


def _decoded(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    is_line = isinstance(line, dict) and isinstance(line.get("time"), str) and isinstance(line.get("event"), str)
    return line if is_line else None
