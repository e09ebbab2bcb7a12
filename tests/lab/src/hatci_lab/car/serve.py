# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a car: its ECUs and its admin API, in one process and one event loop."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from hatci_lab.car.admin import admin_routes, relay_routes
from hatci_lab.car.car import Car
from hatci_lab.car.update_server import UpdateServer
from hatci_lab.car.updater import Updater
from hatci_lab.controller.ports import HOST, reserve


@dataclass(frozen=True)
class Settings:
    state_file: Path
    boot_seconds: float
    sums_url: str | None


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, car: Car, url: str) -> None:
        super().__init__(config)
        self._car = car
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._car.start()
        print(json.dumps({"url": self._url, "pid": os.getpid()}), flush=True)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    car = Car(settings.state_file, settings.boot_seconds)
    listener = reserve(car.state.admin_port)
    listener.listen()
    car.state.admin_port = listener.getsockname()[1]
    car.changed()
    app = FastAPI(title="HATCI lab car", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(admin_routes(car))
    app.include_router(relay_routes(car))
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    server = _Server(config, car, f"http://{HOST}:{car.state.admin_port}")
    if settings.sums_url is None:
        await server.serve(sockets=[listener])
        return
    updater = asyncio.create_task(Updater(car, UpdateServer(settings.sums_url)).run())
    updater.add_done_callback(lambda _task: setattr(server, "should_exit", True))
    await server.serve(sockets=[listener])
    if updater.done():
        updater.result()
