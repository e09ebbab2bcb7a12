# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the stand-in: `python -m hatci_lab.aap`; its first line says where it listens."""

from __future__ import annotations

import argparse
import json
import os
import socket
from collections import Counter

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from hatci_lab.aap.admin import admin_routes
from hatci_lab.aap.app import create_app
from hatci_lab.aap.faults import Faults
from hatci_lab.aap.store import Store

TOKEN_VARIABLE = "HATCI_LAB_AAP_TOKEN"


class _Counted:
    """Counts the requests by their path."""

    def __init__(self, app: ASGIApp, counts: Counter[str]) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_lab"):
            self._counts[scope["path"]] += 1
        await self._app(scope, receive, send)


def main() -> None:
    parser = argparse.ArgumentParser(prog="hatci-lab-aap", description="Serve a stand-in for the API of AAP.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--root", default="/api/v2", help="where the API is; /api/controller/v2 behind a gateway")
    options = parser.parse_args()
    store, counts = Store(os.environ.get(TOKEN_VARIABLE, "aap-token")), Counter[str]()
    app = create_app(store, options.root)
    faults = Faults(app)
    app.include_router(admin_routes(store, counts, faults))
    with socket.create_server(("127.0.0.1", options.port)) as listener:
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}), flush=True)
        config = uvicorn.Config(_Counted(faults, counts), log_level="warning", access_log=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
