# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader inside this process, on drivers that are served in it too, and ECUs that say what a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

from jumpstarter.common.utils import serve
from jumpstarter_driver_composite.driver import Composite
from jumpstarter_driver_network.driver import TcpNetwork

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.main import Reader
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import Account, account_of

DIDS = {"vin": 0xF190, "part_number": 0xF187, "sw_version": 0xF189, "serial": 0xF18C}
ADDRESS = 0xE0
ACTIVATED = bytes.fromhex("02fd0006 00000009 0e0000e010 00000000".replace(" ", ""))


def ecu_request(name: str, driver: str, logical_address: int | None = ADDRESS) -> dict[str, t.Any]:
    """Return an ECU as the operation hands it to the reader."""
    return {"name": name, "driver": driver, "logical_address": logical_address, "dids": DIDS}


def read(
    root: t.Any, *ecus: dict[str, t.Any], seconds: float = 10, settle: float = 0, **changes: bool
) -> list[Account]:
    """Read ECUs as the program does inside ``jmp shell``, and return their accounts."""
    now = time.monotonic()
    times = {"deadline": now + seconds, "settle_until": now + settle}
    results = Reader(root, {"ecus": ecus, "read_codes": True, "clear_codes": False, **times, **changes}).read()
    assert "problem" not in results
    return [account_of(ecu["name"], ecu["dids"], results["answers"].get(ecu["name"])) for ecu in ecus]


@contextlib.contextmanager
def tunnel_to(**ports: int) -> t.Iterator[t.Any]:
    """Yield the client of an exporter with a tunnel to each port of this machine."""
    children = {name: TcpNetwork(host="127.0.0.1", port=port) for name, port in ports.items()}
    with serve(Composite(children=children)) as root:
        yield root


class ScriptedEcu:
    """Accepts connections, and on each sends `script`: a piece for each thing that it hears, then closes."""

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    for piece in self.script:
                        if not connection.recv(4096):
                            break
                        connection.sendall(piece)


def diagnostic(data: bytes, kind: int = 0x8001, source: int = ADDRESS, target: int = 0x0E00) -> bytes:
    """Return a DoIP message that carries a UDS answer, or an acknowledgement."""
    body = source.to_bytes(2, "big") + target.to_bytes(2, "big") + data
    return bytes.fromhex("02fd") + kind.to_bytes(2, "big") + len(body).to_bytes(4, "big") + body


ACKNOWLEDGED = diagnostic(b"\0", kind=0x8002)
