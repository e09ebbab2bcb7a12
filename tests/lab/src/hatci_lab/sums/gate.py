# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI wrapper every request passes: base path, request log, faults, bearer token, JSON that can be answered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import time
from collections import deque
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hatci_lab.sums.app import REPLAYED, problem
from hatci_lab.sums.faults import ACTIONS, Answer, Faults

API = "/api/v1"
LOG_LIMIT = 200_000
BODILESS = frozenset({204, 304})


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number in JSON")
    return number


def _parsed(body: bytes) -> tuple[Any, str | None]:
    """The JSON value of a request body, or its text with the reason why it is not JSON."""
    if not body:
        return None, None
    try:
        return json.loads(body, parse_constant=_finite, parse_float=_finite), None
    except (ValueError, RecursionError) as error:
        return body.decode("utf-8", "replace"), f"the body is not JSON: {error}"


def _decoded(raw_path: str) -> str:
    """A path as routes see it: percent-decoded, but an encoded slash stays inside its segment."""
    if "%" not in raw_path:
        return raw_path
    return "/".join(unquote(segment).replace("/", "%2F") for segment in raw_path.split("/"))


class RequestLog:
    """Every request to the API in order, in memory, without its token."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=LOG_LIMIT)
        self._seq = 0

    def open(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Note an arriving request; its answer is filled in later."""
        self._seq += 1
        noted = {"seq": self._seq, "time": time.time(), **entry, "status": None, "fault": None, "committed": False}
        self._entries.append(noted)
        return noted

    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)

    def clear(self) -> None:
        self._entries.clear()


class _Exchange:
    """One API request between the client and the backend."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, body: bytes, entry: dict[str, Any]):
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._body = body
        self._entry = entry
        self.refusal: Answer | None = None

    async def process(self) -> Answer:
        if self.refusal:
            return self.refusal
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        async def replay() -> Message:
            return {"type": "http.request", "body": self._body, "more_body": False}

        await self._app(self._scope, replay, collect)
        start = messages[0]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        answer = Answer(start["status"], b"".join(one.get("body", b"") for one in messages[1:]), headers)
        writes = self._scope["method"] in {"POST", "PATCH"}
        self._entry["committed"] = writes and answer.status < 300 and REPLAYED not in headers
        return answer

    async def send(self, answer: Answer, promised: int | None = None) -> None:
        self._entry["status"] = answer.status
        headers = {name.lower(): value for name, value in answer.headers.items()}
        headers.pop("content-length", None)
        body = answer.body
        if answer.status in BODILESS:
            body = b""
        else:
            headers["content-length"] = str(len(body) if promised is None else promised)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await self._send({"type": "http.response.body", "body": body, "more_body": promised is not None})
        if promised is not None:
            self._scope["state"]["transport"].close()
            await self.wait_for_client_to_leave()

    async def drop(self) -> None:
        self._scope["state"]["transport"].abort()
        await self.wait_for_client_to_leave()

    async def drip(self, first: bytes, again: bytes, pause: float) -> None:
        transport = self._scope["state"]["transport"]
        transport.write(first)
        while not transport.is_closing():
            transport.write(again)
            await asyncio.sleep(pause)
        await self.wait_for_client_to_leave()

    async def wait_for_client_to_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Gate:
    """Wraps the app. The server must put each connection's transport into the scope's state."""

    def __init__(self, app: ASGIApp, token: str, base_path: str, faults: Faults, log: RequestLog) -> None:
        self._app = app
        self._authorization = f"Bearer {token}".encode()
        self._base = base_path
        self._faults = faults
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = _decoded(scope["raw_path"].decode("latin-1"))
        if not path.startswith(f"{self._base}/"):
            return await problem(404, f"nothing here; this backend lives under {self._base}/")(scope, receive, send)
        inner = path[len(self._base) :]
        scope = {**scope, "path": path, "root_path": self._base}
        if not inner.startswith(f"{API}/"):
            return await self._app(scope, receive, send)
        await self._api_call(scope, receive, send, inner[len(API) :])

    async def _api_call(self, scope: Scope, receive: Receive, send: Send, call: str) -> None:
        body = await _whole_body(receive)
        content, flaw = _parsed(body)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        authorization = headers.pop("authorization", "").encode("latin-1")
        authorized = hmac.compare_digest(authorization, self._authorization)
        entry = self._log.open(
            {
                "method": scope["method"],
                "path": scope["raw_path"].decode("latin-1"),
                "call": call,
                "query": scope["query_string"].decode("latin-1"),
                "body": content,
                "headers": headers,
                "authorized": authorized,
                "authorization_sha256": hashlib.sha256(authorization).hexdigest() if authorization else None,
            }
        )
        exchange = _Exchange(self._app, scope, receive, send, body, entry)
        if not authorized:
            exchange.refusal = _refusal(401, "the bearer token is missing or not valid here")
        elif flaw:
            exchange.refusal = _refusal(400, flaw)
        rule = self._faults.pick(scope["method"], call)
        if rule:
            entry["fault"] = rule.kind
            await ACTIONS[rule.kind](rule, exchange)
        else:
            await exchange.send(await exchange.process())


def _refusal(status: int, message: str) -> Answer:
    headers = {"content-type": "application/json"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Answer(status, bytes(problem(status, message).body), headers)


async def _whole_body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
