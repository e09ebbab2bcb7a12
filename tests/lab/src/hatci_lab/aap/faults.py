# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what AAP, or the proxy before it, answers while it restarts or has too much to do."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


class Fault(BaseModel):
    """`json` is AAP's own refusal, `html` a page of the proxy, `slow` the true answer after `delay` seconds.

    `path` must match the whole path; `times` is 0 for ever.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["json", "html", "slow"]
    path: str = ".*"
    status: int = Field(default=503, ge=300, le=599)
    headers: dict[str, str] = {}
    delay: float = Field(default=1.0, ge=0)
    times: int = Field(default=1, ge=0)
    skip: int = Field(default=0, ge=0)


class Faults:
    """The API behind its faults; those of a lab's own routes are none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.armed: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._hit(scope["path"]) if scope["type"] == "http" and not scope["path"].startswith("/_lab") else None
        answer: ASGIApp = self._app
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.delay)
        elif fault:
            answer = _answer(fault)
        await answer(scope, receive, send)

    def _hit(self, path: str) -> Fault | None:
        for fault in self.armed:
            if not re.fullmatch(fault.path, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times == 1:
                self.armed.remove(fault)
            fault.times = max(0, fault.times - 1)
            return fault
        return None


def _answer(fault: Fault) -> Response:
    if fault.kind == "html":
        return HTMLResponse(PAGE.format(fault.status), fault.status, fault.headers)
    return JSONResponse({"detail": "Request was throttled or could not be served."}, fault.status, fault.headers)
