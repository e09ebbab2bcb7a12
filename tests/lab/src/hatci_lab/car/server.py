# SPDX-License-Identifier: GPL-3.0-or-later
"""One ECU's DoIP server, which can go away and come back on the same port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from hatci_lab.car import faults, uds
from hatci_lab.car.connection import Connection
from hatci_lab.car.log import RequestLog
from hatci_lab.car.model import CarState, Ecu, Fault
from hatci_lab.controller.ports import reserve


class EcuServer:
    """`changed` is called when a request changed what the car keeps, `on_reset` when the ECU is to reset."""

    def __init__(
        self,
        state: CarState,
        name: str,
        log: RequestLog,
        changed: Callable[[], None],
        on_reset: Callable[[str], None],
    ) -> None:
        self._state = state
        self._name = name
        self._log = log
        self._changed = changed
        self._on_reset = on_reset
        self._holder = reserve(state.ports.get(name, 0))
        self.port: int = self._holder.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def ecu(self) -> Ecu:
        return self._state.ecus[self._name]

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        if self._server is None:
            listener = reserve(self.port)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._server = await asyncio.start_server(self._serve, sock=listener, backlog=64)

    def close(self) -> None:
        """Refuse new connections and drop those that are open."""
        server, self._server = self._server, None
        if server:
            server.close()
        for connection in list(self._connections):
            connection.abort()

    def respond(self, request: bytes) -> uds.Response:
        response = uds.respond(self._state, self.ecu, request)
        if response.changed:
            self._changed()
        return response

    def strike(self, stage: faults.Stage, request: bytes) -> Fault | None:
        fault = faults.strike(self._state.faults, stage, self._name, request)
        if fault:
            self._changed()
        return fault

    def note(self, stage: faults.Stage, request: bytes, fault: Fault | None) -> dict[str, Any]:
        return self._log.open(self._name, stage, request, fault.kind if fault else None)

    def holder(self, tester: int) -> Connection | None:
        return next((one for one in self._connections if one.tester == tester), None)

    def reset(self) -> None:
        self._on_reset(self._name)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
