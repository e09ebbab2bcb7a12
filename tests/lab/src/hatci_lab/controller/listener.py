# SPDX-License-Identifier: GPL-3.0-or-later
"""The gRPC server, which can stop listening and listen again on the same port."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from hatci_lab.controller.gate import Gate
from hatci_lab.controller.ports import HOST
from hatci_lab.controller.tls import ServerIdentity

_OPTIONS = (
    ("grpc.so_reuseport", 1),
    # jmp pings every 20 s even when idle, which a default server punishes with GOAWAY
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
)


class Listener:
    def __init__(
        self, port: int, identity: ServerIdentity, gate: Gate, register: Callable[[grpc.aio.Server], None]
    ) -> None:
        self._port = port
        self._credentials = grpc.ssl_server_credentials([(identity.key, identity.certificate)])
        self._gate = gate
        self._register = register
        self._server: grpc.aio.Server | None = None

    async def set_listening(self, listening: bool) -> None:
        if listening and self._server is None:
            self._server = grpc.aio.server(interceptors=[self._gate], options=_OPTIONS)
            self._register(self._server)
            self._server.add_secure_port(f"{HOST}:{self._port}", self._credentials)
            await self._server.start()
        elif not listening and self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)
