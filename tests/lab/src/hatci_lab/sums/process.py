# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a child process, for tests, benchmark and demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from hatci_lab.child import ChildProcess
from hatci_lab.sums.client import SumsClient


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


class SumsProcess(ChildProcess, SumsClient):
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
        SumsClient.__init__(self, "", token)
        self._name = "the SUMS simulator"
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
        if tls:
            self._session.verify = str(tls.ca)
            if tls.client_cert:
                self._session.cert = (str(tls.client_cert[0]), str(tls.client_cert[1]))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, or listened on last."""
        return self._port

    def start(self, port: int | None = None) -> Self:
        """Start it and return when it accepts connections; `port` None keeps the last one.

        Raises RuntimeError with the process's own words when it does not come up.
        """
        options = [*self._options, "--port", str(self._port if port is None else port)]
        self.url = self._launch("hatci_lab.sums", options, {"HATCI_LAB_TOKEN": self.token})
        self._port = urlsplit(self.url).port or 0
        return self

    def restart(self) -> Self:
        """Stop and start again on the same port with the same records."""
        self.stop()
        return self.start()

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        self._running()
        return SumsClient._lab(self, method, path, body)
