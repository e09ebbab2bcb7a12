# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the lab as a child process, which says on its first line where it listens."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

READY_SECONDS = 60.0
STOP_SECONDS = 5.0


class ChildProcess:
    """One process, started and ended by whoever needs it.

    :param name: what it is, for messages.
    """

    log: Path
    _name: str
    _process: subprocess.Popen[str] | None = None
    _session: requests.Session

    @property
    def pid(self) -> int:
        return self._running().pid

    def stop(self) -> None:
        """End the process this object started, by force after five seconds; does nothing when none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        self._session.close()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout
        process.stdout.close()

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        self._running().kill()
        self.stop()

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._running().poll() is not None

    def _launch(self, module: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
        """Start it and return its URL once it accepts connections.

        Raises RuntimeError with the process's own words when it does not come up.
        """
        if self._process:
            raise RuntimeError(f"{self._name} is already running as process {self._process.pid}")
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **(environment or {})},
            )
        line = _first_line(self._process)
        if not line:
            self.stop()
            raise RuntimeError(f"{self._name} did not start: {self.log.read_text()[-4000:]}")
        return str(json.loads(line)["url"])

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self._name} is not running")
        return self._process


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(READY_SECONDS) else ""
