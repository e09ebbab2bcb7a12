# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a child process, for tests, benchmark and demo."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from hatci_lab.sums.client import SumsClient

READY_SECONDS = 60.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class TlsFiles:
    """PEM files: the server's chain and key, and the CA to check it with.

    To demand client certificates: the CA that signs them, and a certificate and key to show.
    """

    certfile: Path
    keyfile: Path
    ca: Path
    client_ca: Path | None = None
    client_cert: tuple[Path, Path] | None = None


class SumsProcess(SumsClient):
    """Starts `hatci_lab.sums` and talks to it.

    Use it in a `with` block, or call `start` and `stop`. Its log is `<db>.log`. Times are seconds.
    """

    def __init__(
        self,
        db: Path | str,
        token: str = "lab-token",
        update_seconds: float = 1.0,
        tls: TlsFiles | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        base_path: str = "",
    ) -> None:
        super().__init__("", token)
        self.db = Path(db)
        self.log = Path(f"{self.db}.log")
        self._tls = tls
        self._port = port
        self._options = ["--db", str(self.db), "--update-seconds", str(update_seconds)]
        self._options += ["--host", host, "--base-path", base_path]
        if tls:
            self._options += ["--certfile", str(tls.certfile), "--keyfile", str(tls.keyfile)]
            if tls.client_ca:
                self._options += ["--client-ca", str(tls.client_ca)]
        self._process: subprocess.Popen[str] | None = None
        if tls:
            self._session.verify = str(tls.ca)
            if tls.client_cert:
                self._session.cert = (str(tls.client_cert[0]), str(tls.client_cert[1]))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def port(self) -> int:
        """The port it listens on, or listened on last."""
        return self._port

    def start(self, port: int | None = None) -> Self:
        """Start it and return when it accepts connections; `port` None keeps the last one.

        Raises RuntimeError with the process's own words when it does not come up.
        """
        if self._process:
            raise RuntimeError(f"the SUMS simulator is already running as process {self._process.pid}")
        command = [sys.executable, "-m", "hatci_lab.sums", *self._options]
        command += ["--port", str(self._port if port is None else port)]
        with self.log.open("a") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "HATCI_LAB_TOKEN": self.token},
            )
        self._process = process
        line = _first_line(process)
        if not line:
            self.stop()
            raise RuntimeError(f"the SUMS simulator did not start: {self.log.read_text()[-4000:]}")
        self.url = json.loads(line)["url"]
        self._port = urlsplit(self.url).port or 0
        return self

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

    def restart(self) -> Self:
        """Stop and start again on the same port with the same records."""
        self.stop()
        return self.start()

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._running().poll() is not None

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        self._running()
        return super()._lab(method, path, body)

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the SUMS simulator is not running")
        return self._process


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(READY_SECONDS) else ""
