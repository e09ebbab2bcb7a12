# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin API: plain HTTP on loopback by which tests look in and switch faults."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Coroutine
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hatci_lab.controller.errors import Refused
from hatci_lab.controller.faults import UnknownFault
from hatci_lab.controller.ports import HOST

Answer = Callable[..., Coroutine[Any, Any, Any]]
Routes = dict[tuple[str, str], Answer]


class AdminServer:
    """Runs in threads; every answer is made in the event loop, where all state lives."""

    def __init__(self, port: int, routes: Routes, loop: asyncio.AbstractEventLoop) -> None:
        self._http = ThreadingHTTPServer((HOST, port), _handler(routes, loop))
        self._http.daemon_threads = True
        self.url = f"http://{HOST}:{self._http.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


def _handler(routes: Routes, loop: asyncio.AbstractEventLoop) -> type[BaseHTTPRequestHandler]:
    patterns = [(verb, re.compile(path), answer) for (verb, path), answer in routes.items()]

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            target = urlsplit(self.path)
            for verb, pattern, answer in patterns:
                found = pattern.fullmatch(target.path)
                if verb == self.command and found:
                    self._reply(*self._call(answer, {**found.groupdict(), **dict(parse_qsl(target.query))}))
                    return
            self._reply(404, {"error": f"no {self.command} {target.path}"})

        def _call(self, answer: Answer, arguments: dict[str, Any]) -> tuple[int, Any]:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                arguments |= json.loads(body) if body else {}
                return 200, asyncio.run_coroutine_threadsafe(answer(**arguments), loop).result()
            except (UnknownFault, Refused, TypeError, ValueError) as error:
                return 400, {"error": str(error)}

        def _reply(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """The call log and the faults say enough."""

        do_GET = do_PUT = do_POST = do_DELETE = _serve

    return Handler
