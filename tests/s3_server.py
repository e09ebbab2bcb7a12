# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of an S3 server as evidence needs: it takes objects from whoever signed the request with its key."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import re
import threading
import typing as t
import urllib.parse

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=\w+/(?P<scope>\S+), ?SignedHeaders=(?P<names>\S+), ?Signature=(?P<given>\w+)"
)


class S3Server:
    """A server with one bucket, ``lab``; ``objects`` are by bucket and key."""

    def __init__(self, secret: str) -> None:
        self.objects: dict[str, bytes] = {}
        objects = self.objects

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                path = urllib.parse.unquote(self.path).lstrip("/")
                status = 200 if path.startswith("lab/") else 404
                if not _is_signed(self, secret):
                    status = 403
                if status == 200:
                    objects[path] = content
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: t.Any) -> None:
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> t.Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _is_signed(request: http.server.BaseHTTPRequestHandler, secret: str) -> bool:
    """Whether a request has the signature, version 4, of this secret."""
    found = SIGNED.fullmatch(request.headers.get("Authorization", ""))
    if not found:
        return False
    path, _mark, query = request.path.partition("?")
    names = found["names"].split(";")
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    payload = request.headers["x-amz-content-sha256"]
    canonical = "\n".join([request.command, path, query, headers, found["names"], payload])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], found["scope"], digest])
    key = f"AWS4{secret}".encode()
    for part in (*found["scope"].split("/"), to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), found["given"])
