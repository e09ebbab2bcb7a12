# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of a serial console: each line with its time, and marks where the recording has gaps.

What a console prints once its file is full goes to a second file, which keeps only the latest of it: for that one
records.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, utc_time

CONSOLE, CONSOLE_END = "console.log", "console-end.log"
TIME = len("2026-03-01T12:00:00.000Z")
LINE, MARK = " | ", " -- "
"""Follow the time: before what the console printed, and before what is said about the recording."""

GAP = "gap: "
ENDED = "recording ended"
DIED = "the recorder had died"
"""Why nothing is there after the last line of a transcript that does not say that its recording has ended."""
MAX_BYTES = 96 * 1024
MAX_MARKS = 8 * 1024
"""Of what is said about the recording in a file that is full."""
MAX_END = 96 * 1024
"""Of the second file, half of which goes when it is full."""

LEFT_OUT = " lines were left out here"
MAX_LINE = 4096
MAX_EXCERPT = 3500
MAX_GAPS = 50
END_SECONDS = 5.0
LOOK_SECONDS = 0.05


class Transcript:
    """The file while it is written; nobody else writes it."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  # it is open as long as its process lives
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size = self._file.tell()
        self._end = _End(end_of(pathlib.Path(path)))
        self._line = bytearray()
        self._began = ""
        self._is_ended = False
        self._lost = 0

    def feed(self, data: bytes) -> None:
        """Write what the console printed, each line with the time of its first byte."""
        for byte in data:
            if len(self._line) >= MAX_LINE and byte not in b"\r\n":
                self._flush()
            self._began = self._began or utc_time()
            if byte == 0x0A:
                self._flush()
            elif byte != 0x0D:
                self._line.append(byte)

    def mark(self, text: str) -> None:
        """Write what happened to the recording."""
        self._flush()
        self._write(f"{utc_time()}{MARK}{text}\n", always=True)

    def end(self) -> None:
        """Write, once, that the recording has ended."""
        if not self._is_ended:
            self._is_ended = True
            self._flush()
            self._write(f"{utc_time()}{MARK}{ENDED}\n", always=True, last=True)

    def _flush(self) -> None:
        """Write the line that has begun, though it may have no end."""
        if self._began:
            text = self._line.decode("utf-8", "replace").rstrip()
            shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
            self._write(f"{self._began}{LINE}{shown}\n")
        self._line.clear()
        self._began = ""

    def _write(self, line: str, *, always: bool = False, last: bool = False) -> None:
        raw = line.encode()
        if self._size > MAX_BYTES + MAX_MARKS and not last:
            self._end.write(raw)
            return
        if not always and self._size + len(raw) > MAX_BYTES:
            self._end.write(raw)
            if self._size > MAX_BYTES:
                return
            raw, self._size = f"{utc_time()}{MARK}{GAP}the file is full\n".encode(), MAX_BYTES
        elif self._size > MAX_BYTES:
            self._end.write(raw)
        if self._lost:
            raw = f"{utc_time()}{MARK}{GAP}{self._lost} lines could not be written\n".encode() + raw
        try:
            self._size += os.write(self._file.fileno(), raw)
            self._lost = 0
        except OSError:
            self._lost += 1


class _End:
    """The file of the latest lines, which is there once there are some."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file: t.BinaryIO | None = None
        self._left_out = 0

    def write(self, raw: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = open(self._path, "w+b", buffering=0)  # noqa: SIM115  # as long as its process lives
            self._file.write(raw)
            if self._file.tell() > MAX_END:
                self._cut(self._file)

    def _cut(self, file: t.BinaryIO) -> None:
        """Leave out the older half, but not what it says about the recording."""
        raw = os.pread(file.fileno(), file.tell(), 0)
        at = raw.find(b"\n", len(raw) // 2) + 1 or len(raw)
        left_out = raw[:at].decode("utf-8", "replace").splitlines(keepends=True)
        self._left_out += sum(line[TIME:].startswith(LINE) for line in left_out)
        gaps = [line for line in left_out if _is_gap(line) and LEFT_OUT not in line][-MAX_GAPS:]
        first = f"{left_out[-1][:TIME]}{MARK}{GAP}{self._left_out}{LEFT_OUT}\n"
        kept = "".join([first, *gaps]).encode() + raw[at:]
        os.pwrite(file.fileno(), kept, 0)
        file.truncate(len(kept))
        file.seek(len(kept))


def end_of(path: pathlib.Path) -> pathlib.Path:
    """Return the file with the latest lines of a transcript that is full."""
    return path.with_name(f"{path.stem}-end{path.suffix}")


def wait_for_writer(path: pathlib.Path) -> None:
    """Wait until whoever writes a transcript, and is about to end, has ended."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        _wait_for_writer(file)


def _is_gap(line: str) -> bool:
    return line[TIME:].startswith(f"{MARK}{GAP}")


def summarize(path: pathlib.Path) -> dict[str, t.Any] | None:
    """Return what a transcript holds: ``file``, ``began``, ``lines``, ``gaps`` and the end of it as ``excerpt``.

    A transcript that got full has an ``end_file`` too.
    Whoever still writes it is about to end, and is waited for. None if there is none.
    """
    try:
        with path.open("rb") as file:
            is_over = _wait_for_writer(file)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    end, latest = end_of(path), ""
    with contextlib.suppress(OSError):
        latest = end.read_bytes().decode("utf-8", "replace")
    told = [*text.splitlines(), *latest.splitlines()]
    text = latest or text
    marks = sorted({(line[:TIME], line[TIME + len(MARK) :]) for line in told if line[TIME:].startswith(MARK)})
    gaps = [{"time": moment, "reason": said.removeprefix(GAP)} for moment, said in marks if said.startswith(GAP)]
    if len(gaps) >= MAX_GAPS:
        more = gaps[MAX_GAPS - 2 :]
        told_of = {"time": more[0]["time"], "reason": f"{len(more)} more gaps, as the transcript shows"}
        gaps = [*gaps[: MAX_GAPS - 2], told_of]
    if is_over and told and not any(said == ENDED for _moment, said in marks[-1:]):
        gaps.append({"time": max(line[:TIME] for line in told), "reason": DIED})
    return {
        "file": path.name,
        **({"end_file": end.name} if latest else {}),
        "began": told[0][:TIME] if told else "",
        "lines": sum(line[TIME:].startswith(LINE) for line in told),
        "gaps": gaps,
        "excerpt": text[-MAX_EXCERPT:].partition("\n")[2] if len(text) > MAX_EXCERPT else text,
    }


def _wait_for_writer(file: t.IO[bytes]) -> bool:
    """Wait for the end of whoever writes a file; return whether it has come."""
    deadline = Deadline(END_SECONDS)
    while not deadline.expired:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        time.sleep(LOOK_SECONDS)
    return False
