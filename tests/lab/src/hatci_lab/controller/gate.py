# SPDX-License-Identifier: GPL-3.0-or-later
"""What every call passes before its service: the log, the faults, and turning refusals into statuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from hatci_lab.controller.auth import Context, metadata
from hatci_lab.controller.calls import CallLog
from hatci_lab.controller.changes import Changes
from hatci_lab.controller.errors import Refused
from hatci_lab.controller.faults import Fault, Faults

Behaviour = Callable[[Any, Context], Awaitable[Any]]


class Gate(grpc.aio.ServerInterceptor):
    def __init__(self, faults: Faults, calls: CallLog, changes: Changes) -> None:
        self._faults = faults
        self._calls = calls
        self._changes = changes

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        method = handler_call_details.method.rsplit(".", 1)[-1]
        make, behaviour = _shape(handler)
        return make(
            self._guarded(method, behaviour),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _guarded(self, method: str, behaviour: Behaviour) -> Behaviour:
        async def guarded(request: Any, context: Context) -> Any:
            caller = metadata(context)
            self._calls.add(method, caller.get("jumpstarter-kind", ""), caller.get("jumpstarter-name", ""), request)
            self._changes.bump()
            await self._silence(method)
            for name in ("unavailable", "fail"):
                await _abort_by(self._faults.take(name, method), context)
            try:
                response = await behaviour(request, context)
            except Refused as refusal:
                await context.abort(grpc.StatusCode[refusal.code], refusal.message)
            await _abort_by(self._faults.take("lose_reply", method), context)
            return response

        return guarded

    async def _silence(self, method: str) -> None:
        while (fault := self._faults.get("silent")) is not None and fault.concerns(method):
            await self._changes.after(self._changes.version)


async def _abort_by(fault: Fault | None, context: Context) -> None:
    if fault is not None:
        await context.abort(grpc.StatusCode[fault.code], fault.message)


def _shape(handler: Any) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], Behaviour]:
    match bool(handler.request_streaming), bool(handler.response_streaming):
        case False, False:
            return grpc.unary_unary_rpc_method_handler, handler.unary_unary
        case False, True:
            return grpc.unary_stream_rpc_method_handler, handler.unary_stream
        case True, False:
            return grpc.stream_unary_rpc_method_handler, handler.stream_unary
        case _:
            return grpc.stream_stream_rpc_method_handler, handler.stream_stream
