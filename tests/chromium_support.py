# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, driven by its command line, that can neither hang a run nor reach a network."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import typing as t
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 60
CONSOLE = ":CONSOLE"
"""Marks, in what the browser logs, what the console of a page shows."""
QUIET = (
    *("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions"),
    *("--disable-dev-shm-usage", "--no-sandbox"),  # root, as in a container, cannot have its sandbox
)


class Chromium:
    """Starts a browser for each page, with a profile of its own.

    :param directory: for its profiles and what it says.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._runs = 0
        self._log = directory / "log"
        self._proxy = socket.create_server(("127.0.0.1", 0))
        self.asked: set[str] = set()
        """The hosts that something was asked of."""
        threading.Thread(target=self._refuse, daemon=True).start()

    def close(self) -> None:
        """Close the port that stands for every network."""
        self._proxy.shutdown(socket.SHUT_RDWR)
        self._proxy.close()

    def _refuse(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._heed(self._proxy.accept()[0])

    def _heed(self, client: socket.socket) -> None:
        client.settimeout(5)
        with client, contextlib.suppress(OSError):
            address = client.recv(4096).decode("latin-1").partition(" ")[2].partition(" ")[0]
            host = re.sub(r"^\w+://|[/:].*", "", address)
            self.asked |= {host} if host else set()

    def run(self, page: Path, *arguments: str) -> str:
        """Load a page and return what the browser says; it is ended, with all it started, if that takes too long."""
        self._runs += 1
        profile, said = self._directory / f"profile{self._runs}", self._directory / f"said{self._runs}"
        self._log = self._directory / f"log{self._runs}"
        port = self._proxy.getsockname()[1]
        network = (f"--proxy-server=127.0.0.1:{port}", "--proxy-bypass-list=<-loopback>")
        command = [str(PROGRAM), *QUIET, *network, f"--user-data-dir={profile}", *arguments, page.as_uri()]
        with said.open("wb") as file, self._log.open("wb") as log:
            process = subprocess.Popen(command, stdout=file, stderr=log, start_new_session=True)
            try:
                assert process.wait(SECONDS) == 0
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                shutil.rmtree(profile, ignore_errors=True)
        return said.read_text(encoding="utf-8")

    def complaints(self, page: Path, width: int) -> list[str]:
        """Load a page in a window of this width and return what its console shows: errors and messages of scripts."""
        self.run(page, f"--window-size={width},900", "--enable-logging=stderr", "--log-level=0", "--dump-dom")
        return [
            line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if CONSOLE in line
        ]

    def shoot(self, page: Path, picture: Path, size: tuple[int, int], *arguments: str) -> bytes:
        """Take a picture of a page, keep it and return it."""
        self.run(page, f"--window-size={size[0]},{size[1]}", f"--screenshot={picture}", *arguments)
        taken = picture.read_bytes()
        assert struct.unpack(">II", taken[16:24]) == size
        return taken

    def widths(self, pages: t.Sequence[Path], width: int, frame: Path, box: str = "html") -> list[tuple[int, int]]:
        """Return of each page how wide it is and how much room it has, in a window of this width.

        :param frame: a file beside the pages that is written for it.
        :param box: selects what would scroll.
        """
        frames = "".join(
            f"<iframe src='{page.relative_to(frame.parent)}' style='width:{width}px;height:900px;border:0'></iframe>"
            for page in pages
        )
        measure = (
            "onload = () => { document.querySelector('p').textContent = [...document.querySelectorAll('iframe')].map("
            f"frame => frame.contentDocument.querySelector('{box}'))"
            ".map(page => page.scrollWidth + ' ' + page.clientWidth) }"
        )
        frame.write_text(f"{frames}<p></p><script>{measure}</script>")
        shown = self.run(frame, "--allow-file-access-from-files", "--virtual-time-budget=3000", "--dump-dom")
        found = shown.partition("<p>")[2].partition("</p>")[0].split(",")
        return [(int(needed), int(there)) for needed, there in (pair.split() for pair in found)]
