# SPDX-License-Identifier: GPL-3.0-or-later
"""Serving the simulator: a listening socket, uvicorn, and the one line that says it is ready."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hatci_lab.sums.admin import admin_routes
from hatci_lab.sums.app import create_app
from hatci_lab.sums.backend import Backend
from hatci_lab.sums.faults import Faults
from hatci_lab.sums.gate import Gate, RequestLog
from hatci_lab.sums.store import Store

BACKLOG = 2048


@dataclass(frozen=True)
class Settings:
    """How to serve. `port` 0 takes a free one; `update_seconds` is how long a deployment takes."""

    db: Path
    token: str
    host: str = "127.0.0.1"
    port: int = 0
    update_seconds: float = 3.0
    base_path: str = ""
    certfile: Path | None = None
    keyfile: Path | None = None
    client_ca: Path | None = None


class _Protocol(H11Protocol):
    """HTTP/1.1 without Nagle's delay that lets the app reach its connection, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(json.dumps({"url": self._url, "pid": os.getpid()}), flush=True)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    store = Store(settings.db)
    backend, faults, log = Backend(store, settings.update_seconds), Faults(), RequestLog()
    app = create_app(backend, settings.base_path)
    app.include_router(admin_routes(backend, faults, log))
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    scheme = "https" if settings.certfile else "http"
    config = uvicorn.Config(
        Gate(app, settings.token, settings.base_path, faults, log),
        http=_Protocol,
        ws="none",
        lifespan="off",
        backlog=BACKLOG,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        ssl_certfile=settings.certfile,
        ssl_keyfile=settings.keyfile,
        ssl_ca_certs=str(settings.client_ca) if settings.client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if settings.client_ca else ssl.CERT_NONE,
    )
    url = f"{scheme}://{host}:{listener.getsockname()[1]}{settings.base_path}"
    try:
        _Server(config, url).run(sockets=[listener])
    finally:
        listener.close()
        store.close()
