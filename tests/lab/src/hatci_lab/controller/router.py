# SPDX-License-Identifier: GPL-3.0-or-later
"""RouterService: joins the client's and the exporter's half of one stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc
from jumpstarter_protocol import router_pb2, router_pb2_grpc

from hatci_lab.controller.auth import Context, bearer
from hatci_lab.controller.tokens import TokenIssuer


@dataclass
class _Half:
    """The peer that came first; its call stays open until the stream is over."""

    context: Context
    over: asyncio.Event = field(default_factory=asyncio.Event)


class RouterService(router_pb2_grpc.RouterServiceServicer):
    def __init__(self, tokens: TokenIssuer) -> None:
        self._tokens = tokens
        self._waiting: dict[str, _Half] = {}

    async def Stream(self, request_iterator: object, context: Context) -> None:  # type: ignore[override]
        stream = self._tokens.verify_stream(bearer(context))
        first = self._waiting.pop(stream, None)
        if first is not None:
            await _join(first, context)
            return
        half = self._waiting[stream] = _Half(context)
        try:
            await half.over.wait()
        finally:
            half.over.set()


async def _join(first: _Half, second: Context) -> None:
    """Copy both ways until both peers have said their last, or one is cut off."""
    both: asyncio.Future[Any] = asyncio.gather(_copy(first.context, second), _copy(second, first.context))
    over: asyncio.Future[Any] = asyncio.create_task(first.over.wait())
    try:
        await asyncio.wait({both, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        first.over.set()
        both.cancel()
        await asyncio.gather(both, over, return_exceptions=True)


async def _copy(source: Context, sink: Context) -> None:
    while (frame := await source.read()) is not grpc.aio.EOF:
        await sink.write(router_pb2.StreamResponse(payload=frame.payload, frame_type=frame.frame_type))
