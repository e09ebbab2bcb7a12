# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of what commands on the device printed, of which the journal keeps only a part."""

from __future__ import annotations

import errno
import os
import pathlib
import sys
import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import shorten
from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

COMMANDS = "commands.log"

MAX_BYTES = 128 * 1024
"""Of a transcript; what does not fit is left out, and a line says so."""
MAX_OUTPUT = 48 * 1024
"""Characters of what one command printed to one of its streams."""
FULL = b"-- the file is full\n"


def append_commands(
    directory: pathlib.Path | str, step: str, results: t.Sequence[t.Any], secrets: t.Collection[str] = ()
) -> bool:
    """Append what the commands of a step printed.

    :param results: of each command ``command``, ``rc``, ``stdout`` and ``stderr``; what is anything else is left out.
    :param secrets: texts that must not appear in it.
    :returns: whether there was anything to append.
    :raises OSError: it cannot be written.
    """
    done = [result for result in results if isinstance(result, Mapping) and result.get("command")]
    if not done:
        return False
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(pathlib.Path(directory) / COMMANDS, flags, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if os.pread(descriptor, len(FULL), max(size - len(FULL), 0)) != FULL:
            raw = _transcript(step, done, secrets).encode("utf-8", "replace")
            kept = raw if size + len(raw) <= MAX_BYTES else _whole_lines(raw, MAX_BYTES - size) + FULL
            if os.write(descriptor, kept) != len(kept):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
    return True


def _transcript(step: str, results: list[Mapping[str, t.Any]], secrets: t.Collection[str]) -> str:
    lines = [f"-- {utc_time()} {step}"]
    for result in results:
        lines.append(f"$ {result['command']}")
        for stream in ("stdout", "stderr"):
            printed = str(result.get(stream) or "").replace("\r\n", "\n").rstrip("\n")
            lines.append(shorten(printed, secrets, text=sys.maxsize)[:MAX_OUTPUT])
        lines.append(f"-- exit code {result.get('rc')}")
    text = "\n".join(line for line in lines if line)
    return f"{shorten(text, secrets, text=len(text) + 1)}\n"


def _whole_lines(raw: bytes, size: int) -> bytes:
    return raw[: raw[: max(size, 0)].rfind(b"\n") + 1]
