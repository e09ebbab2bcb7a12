# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that answers by a script, over real sockets."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import ssl
import struct
import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass
class Reply:
    """One answer.

    :param promised: the Content-Length to announce, if not the true one.
    :param delay: seconds before the answer.
    :param trickle: seconds between single bytes of the body.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    promised: int | None = None
    delay: float = 0.0
    trickle: float = 0.0
    content_type: str = "application/json"


class Drop:
    """Close the connection instead of an answer."""


@dataclasses.dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time: float

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


class Backend:
    """Serves on loopback. `script` is used up reply by reply; its last one stays."""

    def __init__(self) -> None:
        self.script: list[Reply | Drop] = [Reply()]
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                backend.seen.append(Seen(self.command, self.path, headers, body, time.monotonic()))
                reply = backend.script.pop(0) if len(backend.script) > 1 else backend.script[0]
                self.close_connection = True
                if isinstance(reply, Drop):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                backend.closing.wait(reply.delay)
                self.send_response(reply.status)
                given = {name.lower() for name in reply.headers}
                if "content-type" not in given:
                    self.send_header("Content-Type", reply.content_type)
                if "content-length" not in given and "transfer-encoding" not in given:
                    length = len(reply.body) if reply.promised is None else reply.promised
                    self.send_header("Content-Length", str(length))
                self.send_header("Connection", "close")
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                pieces = [reply.body] if not reply.trickle else [bytes([one]) for one in reply.body]
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        if backend.closing.wait(reply.trickle):
                            return
                except OSError:
                    return

            do_GET = do_POST = do_PATCH = answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def replies(self, *script: Reply | Drop) -> None:
        """Answer with these in turn; the last one stays."""
        self.script = list(script)

    def answers(self, value: t.Any, status: int = 200, **headers: str) -> None:
        """Answer with this JSON from now on."""
        self.script = [Reply(status, json.dumps(value).encode(), headers)]

    @property
    def calls(self) -> list[str]:
        """Method and path of each request."""
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class RawBackend:
    """Serves on loopback whatever bytes a handler sends after a request's headers, over TLS if given a context.

    :param handler: gets the connection and the request's head; runs until it returns or the client has left.
    """

    def __init__(
        self, handler: t.Callable[[socket.socket, bytes], object], context: ssl.SSLContext | None = None
    ) -> None:
        self.heads: list[bytes] = []
        self._handler = handler
        self._context = context
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            stream = self._context.wrap_socket(connection, server_side=True) if self._context else connection
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = stream.recv(65536)
                if not chunk:
                    return
                head += chunk
            self.heads.append(head)
            self._handler(stream, head)
            stream.shutdown(socket.SHUT_WR)


def drip(before: bytes, again: bytes, seconds: float = 0.02) -> t.Callable[[socket.socket, bytes], None]:
    """Return a handler that sends something, and then something else again and again without end."""

    def handler(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(again)
            time.sleep(seconds)

    return handler


def send(answer: bytes) -> t.Callable[[socket.socket, bytes], None]:
    """Return a handler that sends an answer as it is."""
    return lambda connection, _head: connection.sendall(answer)


def reply_json(value: t.Any, status: int = 200, **options: t.Any) -> Reply:
    """Return a reply that carries JSON."""
    return Reply(status, json.dumps(value).encode(), **options)
