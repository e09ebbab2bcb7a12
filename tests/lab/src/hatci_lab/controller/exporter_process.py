# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ``jmp run``, kept alive as systemd keeps it alive in a lab."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_STOP_TIMEOUT = 15.0
_RETRY_INTERVAL = 0.2


class ExporterProcess:
    """``jmp run`` gives up after about five seconds without its controller, so it is started anew
    as soon as the controller listens again, until ``stop`` or ``kill``.
    """

    def __init__(
        self, name: str, config: Path, endpoint: str, jmp: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.log_file = config.with_suffix(".log")
        self._endpoint = endpoint
        self._command = [str(jmp), "run", "--exporter-config", str(config)]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JMP_")}
        self._environment = {**kept, **(environment or {})}
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._process = self._spawn()
        self._keeper = threading.Thread(target=self._keep_alive, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Say goodbye: the controller sees the exporter go offline at once."""
        with self._lock:
            self._ending.set()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
        self._keeper.join()

    def kill(self) -> None:
        """Die without a word: the controller learns of it only by silence."""
        with self._lock:
            self._ending.set()
        self._process.send_signal(signal.SIGSTOP)  # so that it forks no worker that we do not see
        workers = _children(self._process.pid)
        self._process.kill()
        for worker in workers:
            for end in (os.kill, os.killpg):
                with suppress(ProcessLookupError):
                    end(worker, signal.SIGKILL)
        self._process.wait()
        self._keeper.join()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def _keep_alive(self) -> None:
        while not self._ending.is_set():
            self._process.wait()
            while not self._ending.wait(_RETRY_INTERVAL) and not self._controller_listens():
                continue
            with self._lock:
                if not self._ending.is_set():
                    self._process = self._spawn()

    def _controller_listens(self) -> bool:
        host, port = self._endpoint.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=_RETRY_INTERVAL).close()
        except OSError:
            return False
        return True


def _children(pid: int) -> list[int]:
    """``jmp run`` works in a forked child that leads a process group of its own."""
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
