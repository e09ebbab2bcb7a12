# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder: writes what a serial console prints into a file, from lease to release, with the time of each line.

It carries the mark of the lease, so whatever ends the lease ends it. Two readers of one device file take each other's
bytes, so it lets go of the port while a task of the test wants it, and says so in the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import GAP, Transcript
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import end_group
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.module_utils._watchers.event_loop import catch_signals
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import wait_readable

END, STEP_ASIDE = signal.SIGTERM, signal.SIGUSR1
READING = b"Reading from serial port"
"""What ``j DRIVER pipe`` says when it opens the port."""

LET_GO_SECONDS = 1.0
LOOK_SECONDS = 0.1
MAX_WORDS = 4000
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 3.0
"""A port that could be read for less is opened again after a growing pause, since each time costs a start of jmp."""
VAIN_STARTS = 2
NOT_THERE = "No such command"
"""What ``jmp`` says of a driver that the exporter lacks: after so many starts the recorder gives up. Any other port is
tried for ever, since a board that feeds its own console may be off when its lease begins."""


class Order(t.TypedDict):
    """What a recorder is told.

    ``argv`` and ``environment`` of the ``jmp`` that reads; ``path`` of the file to write, ``turn`` of the lock that
    whoever uses the port holds, ``lease`` of the record that is there as long as the lease; ``lock`` the descriptor
    that a reader of a local device holds; ``owner`` the pid of ansible-playbook.
    """

    argv: list[str]
    environment: dict[str, str]
    path: str
    turn: str
    lease: str
    lock: int | None
    owner: int | None
    shared: bool


class Recorder:
    """Records one console."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._transcript = Transcript(order["path"])
        self._signals = catch_signals(END, STEP_ASIDE)
        self._is_ended = self._is_asked = self._has_read = False
        self._owner = os.pidfd_open(order["owner"]) if order["owner"] else None

    def run(self) -> None:
        """Record until the end of the lease, of the play, or of the task that says so."""
        self._transcript.mark("recording began")
        pause, vain = FIRST_PAUSE, 0
        with open(self._order["turn"], "a") as turn:
            while not self._is_ended and os.path.exists(self._order["lease"]):
                if not self._take_turn(turn):
                    break
                is_steady, reason = self._stream()
                fcntl.flock(turn, fcntl.LOCK_UN)
                if self._is_asked:
                    self._is_asked = False
                    self._transcript.mark(f"{GAP}a task of this test uses the port")
                    self._wait(LET_GO_SECONDS)
                elif not self._is_ended:
                    vain = 0 if self._has_read else vain + 1
                    self._transcript.mark(f"{GAP}the console could not be read: {reason}")
                    if vain >= VAIN_STARTS and NOT_THERE in reason:
                        break
                    pause = FIRST_PAUSE if is_steady else min(LONGEST_PAUSE, pause * 2)
                    self._wait(pause)
        self._transcript.end()

    def _take_turn(self, turn: t.IO[str]) -> bool:
        """Wait until no task uses the port; return False if the recording is to end."""
        while not self._order["shared"]:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            self._wait(LOOK_SECONDS)
            if self._is_ended or not os.path.exists(self._order["lease"]):
                return False
        self._is_asked = False
        return not self._is_ended

    def _stream(self) -> tuple[bool, str]:
        """Read until the stream or the recording ends; return whether it was steady, and why it ended."""
        lock = self._order["lock"]
        process = subprocess.Popen(
            self._order["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._order["environment"],
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
        )
        output, said = (t.cast("t.IO[bytes]", pipe).fileno() for pipe in (process.stdout, process.stderr))
        words, has_read, pipes, began = bytearray(), False, {output, said}, 0.0
        while pipes and not (self._is_ended or self._is_asked):
            ready = self._wait(None, *pipes)
            for descriptor in pipes & set(ready):
                data = os.read(descriptor, 65536)
                if not data:
                    pipes.discard(descriptor)
                if descriptor == said:
                    words += data
                    del words[:-MAX_WORDS]
                if not has_read and ((descriptor == output and data) or READING in words):
                    has_read, began = True, time.monotonic()
                    self._has_read = True
                    self._transcript.mark("reading")
                if descriptor == output:
                    self._transcript.feed(data)
        if self._is_ended:
            # Whoever ends a lease waits a second for this process, and less than that is no end of jmp.
            self._transcript.end()
        is_steady = has_read and time.monotonic() - began >= STEADY_SECONDS
        end_group(process)
        return is_steady, _last_line(words) or f"exit code {process.returncode}"

    def _wait(self, seconds: float | None, *descriptors: int) -> list[int]:
        """Wait for descriptors, signals and the end of the play."""
        own = [self._signals] if self._owner is None else [self._signals, self._owner]
        ready = wait_readable([*own, *descriptors], seconds)
        if self._signals in ready:
            numbers = os.read(self._signals, 64)
            self._is_ended |= END in numbers or signal.SIGHUP in numbers or signal.SIGINT in numbers
            self._is_asked |= STEP_ASIDE in numbers and not self._order["shared"]
        if self._owner is not None and self._owner in ready:
            self._is_ended = True
        return ready


def _last_line(words: bytearray) -> str:
    lines = [line for line in map(one_line, words.decode("utf-8", "replace").splitlines()) if line]
    return one_line(lines[-1], 200).rstrip(".") if lines else ""


def main() -> None:
    """Run a recorder; its order comes on standard input."""
    order = json.loads(sys.stdin.readline())
    recorder = Recorder(order)
    sys.stdout.write("recording\n")
    sys.stdout.close()
    recorder.run()
