# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: which request is hit by which rule, and what each kind of fault does to it."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

Kind = Literal[
    "status",
    "status_after_commit",
    "drop_before",
    "drop_after",
    "slow",
    "slow_after",
    "hang",
    "garbage",
    "html",
    "truncate",
    "huge",
    "bomb",
    "drip_headers",
    "drip_body",
    "replace",
    "patch",
    "redirect",
]
HUGE_BYTES = 10 * 1024 * 1024
BOMB_BYTES = 64 * 1024 * 1024
_PACKED = {"content-type": "application/json", "content-encoding": "gzip"}
LOGIN_PAGE = """<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Sign in</h1>
<form method="post" action="/login"><input name="user"><input name="password"></form></body></html>
"""


class Rule(BaseModel):
    """One fault as asked for. `path` must match the whole path after /api/v1; `delay` is in seconds."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    method: str | None = None
    path: str = ".*"
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = {}
    body: Any = None
    delay: float = Field(default=1.0, ge=0)
    times: int = Field(default=1, ge=0)
    skip: int = Field(default=0, ge=0)
    commit: bool = False

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


@dataclass
class Armed:
    """A rule with how many matching requests it let pass and how many it hit."""

    rule: Rule
    passed: int = 0
    fired: int = 0

    def hits(self, method: str, call: str) -> bool:
        """Whether this request is the rule's; counts it if so."""
        rule = self.rule
        spent = rule.times and self.fired >= rule.times
        if spent or (rule.method and rule.method.upper() != method) or not re.fullmatch(rule.path, call):
            return False
        if self.passed < rule.skip:
            self.passed += 1
            return False
        self.fired += 1
        return True


class Faults:
    """The armed rules, first come first served."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []

    def add(self, rule: Rule) -> None:
        self._armed.append(Armed(rule))

    def pick(self, method: str, call: str) -> Rule | None:
        return next((one.rule for one in self._armed if one.hits(method, call)), None)

    def listed(self) -> list[dict[str, Any]]:
        return [{**one.rule.model_dump(), "passed": one.passed, "fired": one.fired} for one in self._armed]

    def clear(self) -> None:
        self._armed.clear()


@dataclass
class Answer:
    """An HTTP response held in memory."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Exchange(Protocol):
    """One request at the gate, as a fault can treat it."""

    async def process(self) -> Answer:
        """Let the backend do its work; nothing goes out yet."""

    async def send(self, answer: Answer, promised: int | None = None) -> None:
        """Answer; with `promised` announce that many bytes and close after those there are."""

    async def drop(self) -> None:
        """Close the TCP connection without an answer."""

    async def drip(self, first: bytes, again: bytes, pause: float) -> None:
        """Send bytes as they are, then others again and again until the client leaves."""

    async def wait_for_client_to_leave(self) -> None:
        """Return when the client closes its side."""


@functools.cache
def _packed_bomb() -> bytes:
    return gzip.compress(b'"' + b"x" * BOMB_BYTES + b'"')


def _body(value: Any) -> tuple[bytes, str]:
    if isinstance(value, str):
        return value.encode(), "text/plain; charset=utf-8"
    return json.dumps(value).encode(), "application/json"


def _made_up(rule: Rule, status: int, body: Any) -> Answer:
    content, content_type = _body(body)
    return Answer(rule.status or status, content, {"content-type": content_type, **rule.headers})


async def _status(rule: Rule, exchange: Exchange) -> None:
    body = {"error": "injected fault"} if rule.body is None else rule.body
    await exchange.send(_made_up(rule, 503, body))


async def _status_after_commit(rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await _status(rule.model_copy(update={"status": rule.status or 500}), exchange)


async def _drop_before(_rule: Rule, exchange: Exchange) -> None:
    await exchange.drop()


async def _drop_after(_rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await exchange.drop()


async def _slow(rule: Rule, exchange: Exchange) -> None:
    await asyncio.sleep(rule.delay)
    await exchange.send(await exchange.process())


async def _slow_after(rule: Rule, exchange: Exchange) -> None:
    answer = await exchange.process()
    await asyncio.sleep(rule.delay)
    await exchange.send(answer)


async def _hang(_rule: Rule, exchange: Exchange) -> None:
    await exchange.wait_for_client_to_leave()


async def _garbage(rule: Rule, exchange: Exchange) -> None:
    if rule.commit:
        await exchange.process()
    headers = {"content-type": "application/json", **rule.headers}
    await exchange.send(Answer(rule.status or 200, b"\x00\xff" + os.urandom(254), headers))


async def _html(rule: Rule, exchange: Exchange) -> None:
    if rule.commit:
        await exchange.process()
    headers = {"content-type": "text/html; charset=utf-8", **rule.headers}
    await exchange.send(Answer(rule.status or 200, LOGIN_PAGE.encode(), headers))


async def _truncate(_rule: Rule, exchange: Exchange) -> None:
    answer = await exchange.process()
    half = Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
    await exchange.send(half, promised=len(answer.body))


async def _huge(rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await exchange.send(_made_up(rule, 200, {"data": "x" * HUGE_BYTES}))


async def _bomb(rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await exchange.send(Answer(rule.status or 200, _packed_bomb(), {**_PACKED, **rule.headers}))


async def _drip_headers(rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await exchange.drip(b"HTTP/1.1 200 OK\r\nx-drip: ", b"a", rule.delay)


async def _drip_body(rule: Rule, exchange: Exchange) -> None:
    answer = await exchange.process()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
    await exchange.drip(head + answer.body, b" ", rule.delay)


async def _replace(rule: Rule, exchange: Exchange) -> None:
    await exchange.process()
    await exchange.send(_made_up(rule, 200, rule.body))


async def _patch(rule: Rule, exchange: Exchange) -> None:
    answer = await exchange.process()
    content = json.loads(answer.body)
    for name, value in (rule.body or {}).items():
        if value is None:
            content.pop(name, None)
        else:
            content[name] = value
    body, _unused = _body(content)
    await exchange.send(Answer(rule.status or answer.status, body, {**answer.headers, **rule.headers}))


async def _redirect(rule: Rule, exchange: Exchange) -> None:
    await exchange.send(Answer(rule.status or 302, b"", rule.headers))


ACTIONS: dict[Kind, Callable[[Rule, Exchange], Awaitable[None]]] = {
    "status": _status,
    "status_after_commit": _status_after_commit,
    "drop_before": _drop_before,
    "drop_after": _drop_after,
    "slow": _slow,
    "slow_after": _slow_after,
    "hang": _hang,
    "garbage": _garbage,
    "html": _html,
    "truncate": _truncate,
    "huge": _huge,
    "bomb": _bomb,
    "drip_headers": _drip_headers,
    "drip_body": _drip_body,
    "replace": _replace,
    "patch": _patch,
    "redirect": _redirect,
}
