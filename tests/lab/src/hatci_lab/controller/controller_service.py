# SPDX-License-Identifier: GPL-3.0-or-later
"""ControllerService: what exporters register with and what clients dial through."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty
from jumpstarter_protocol import jumpstarter_pb2, jumpstarter_pb2_grpc

from hatci_lab.controller.auth import Authenticator, Context, metadata
from hatci_lab.controller.convert import condition_to_pb
from hatci_lab.controller.core import Core
from hatci_lab.controller.errors import Refused
from hatci_lab.controller.faults import Faults
from hatci_lab.controller.leases import LeaseRequest
from hatci_lab.controller.model import STATUS_AVAILABLE, STATUS_OFFLINE, Exporter
from hatci_lab.controller.tokens import TokenIssuer

_OWN_LABELS = "jumpstarter.dev/"
_DIALS_IN_FLIGHT = 8


class ControllerService(jumpstarter_pb2_grpc.ControllerServiceServicer):
    def __init__(
        self, core: Core, authenticator: Authenticator, tokens: TokenIssuer, faults: Faults, router_endpoint: str
    ) -> None:
        self._core = core
        self._auth = authenticator
        self._tokens = tokens
        self._faults = faults
        self._router_endpoint = router_endpoint
        self._dials: dict[str, asyncio.Queue[jumpstarter_pb2.ListenResponse]] = {}

    async def Register(
        self, request: jumpstarter_pb2.RegisterRequest, context: Context
    ) -> jumpstarter_pb2.RegisterResponse:
        exporter = self._exporter(context)
        kept = {key: value for key, value in exporter.labels.items() if not key.startswith(_OWN_LABELS)}
        own = {key: value for key, value in request.labels.items() if key.startswith(_OWN_LABELS)}
        exporter.labels = {**kept, **own}
        exporter.registered = True
        exporter.last_seen = time.time()
        self._core.changed()
        return jumpstarter_pb2.RegisterResponse(uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, exporter.name)))

    async def Unregister(
        self, request: jumpstarter_pb2.UnregisterRequest, context: Context
    ) -> jumpstarter_pb2.UnregisterResponse:
        self._exporter(context).registered = False
        self._core.changed()
        return jumpstarter_pb2.UnregisterResponse()

    async def ReportStatus(
        self, request: jumpstarter_pb2.ReportStatusRequest, context: Context
    ) -> jumpstarter_pb2.ReportStatusResponse:
        exporter = self._exporter(context)
        exporter.status = request.status
        exporter.status_message = request.message
        exporter.last_seen = time.time()
        if request.release_lease:
            self._core.book.release_of(exporter.name)
        self._core.changed()
        return jumpstarter_pb2.ReportStatusResponse()

    async def Status(  # type: ignore[override]
        self, request: jumpstarter_pb2.StatusRequest, context: Context
    ) -> None:
        exporter = self._exporter(context)
        exporter.streams += 1
        self._core.changed()
        try:
            await self._stream_status(exporter.name, context)
        finally:
            exporter.streams -= 1
            exporter.last_seen = time.time()
            self._core.changed()

    async def Listen(  # type: ignore[override]
        self, request: jumpstarter_pb2.ListenRequest, context: Context
    ) -> None:
        exporter = self._exporter(context)
        if self._core.book.get(request.lease_name).exporter != exporter.name:
            raise Refused("UNKNOWN", "permission denied")
        queue = self._queue(request.lease_name)
        while True:
            await context.write(await queue.get())

    async def Dial(self, request: jumpstarter_pb2.DialRequest, context: Context) -> jumpstarter_pb2.DialResponse:
        client = self._auth.caller(context, "Client")
        lease = self._core.book.get(request.lease_name)
        if lease.client != client:
            raise Refused("PERMISSION_DENIED", "permission denied")
        if not lease.exporter or lease.ended:
            raise Refused("UNKNOWN", "lease not active")
        exporter = self._core.book.exporter(lease.exporter)
        _check_dialable(exporter)
        token = self._tokens.issue_stream(str(uuid.uuid4()))
        if not self._is_dead(exporter.name):
            await self._queue(lease.name).put(
                jumpstarter_pb2.ListenResponse(router_endpoint=self._router_endpoint, router_token=token)
            )
        return jumpstarter_pb2.DialResponse(router_endpoint=self._router_endpoint, router_token=token)

    async def AuditStream(
        self, request_iterator: AsyncIterator[jumpstarter_pb2.AuditStreamRequest], context: Context
    ) -> Empty:
        self._exporter(context)
        async for _unused in request_iterator:
            continue
        return Empty()

    async def GetLease(
        self, request: jumpstarter_pb2.GetLeaseRequest, context: Context
    ) -> jumpstarter_pb2.GetLeaseResponse:
        client = self._auth.caller(context, "Client")
        lease = self._core.book.get(request.name)
        if lease.client != client:
            raise Refused("UNKNOWN", "GetLease permission denied")
        response = jumpstarter_pb2.GetLeaseResponse(conditions=[condition_to_pb(item) for item in lease.conditions])
        response.selector.match_labels.update(lease.parsed_selector.equalities)
        response.duration.FromNanoseconds(int(lease.duration * 1e9))
        if lease.begin is not None:
            response.begin_time.FromNanoseconds(int(lease.begin * 1e9))
        if lease.end is not None:
            response.end_time.FromNanoseconds(int(lease.end * 1e9))
        if lease.exporter:
            response.exporter_uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, lease.exporter))
        return response

    async def RequestLease(
        self, request: jumpstarter_pb2.RequestLeaseRequest, context: Context
    ) -> jumpstarter_pb2.RequestLeaseResponse:
        client = self._auth.caller(context, "Client")
        selector = ",".join(f"{key}={value}" for key, value in request.selector.match_labels.items())
        lease = self._core.book.create(
            client, LeaseRequest(duration=request.duration.ToNanoseconds() / 1e9, selector=selector)
        )
        self._core.changed()
        return jumpstarter_pb2.RequestLeaseResponse(name=lease.name)

    async def ReleaseLease(
        self, request: jumpstarter_pb2.ReleaseLeaseRequest, context: Context
    ) -> jumpstarter_pb2.ReleaseLeaseResponse:
        book = self._core.book
        if metadata(context).get("jumpstarter-kind") == "Exporter":
            book.release_as_exporter(self._exporter(context).name, request.name)
        else:
            client = self._auth.caller(context, "Client")
            if not book.get(request.name).released:
                book.delete(client, request.name)
        self._core.changed()
        return jumpstarter_pb2.ReleaseLeaseResponse()

    async def ListLeases(
        self, request: jumpstarter_pb2.ListLeasesRequest, context: Context
    ) -> jumpstarter_pb2.ListLeasesResponse:
        client = self._auth.caller(context, "Client")
        names = [lease.name for lease in self._core.book.select() if lease.client == client]
        return jumpstarter_pb2.ListLeasesResponse(names=names)

    def _exporter(self, context: Context) -> Exporter:
        return self._core.book.exporter(self._auth.caller(context, "Exporter"))

    def _queue(self, lease: str) -> asyncio.Queue[jumpstarter_pb2.ListenResponse]:
        return self._dials.setdefault(lease, asyncio.Queue(_DIALS_IN_FLIGHT))

    async def _stream_status(self, exporter: str, context: Context) -> None:
        """Send who holds the exporter; between two holders always say that nobody does."""
        told: str | None = None
        while True:
            version = self._core.changes.version
            lease = self._core.book.holder(self._core.book.exporter(exporter).name)
            name = lease.name if lease else ""
            if (lease is None or (told and name != told)) and told != "":
                await context.write(jumpstarter_pb2.StatusResponse(leased=False))
                told = ""
            if lease is not None and name != told:
                await context.write(
                    jumpstarter_pb2.StatusResponse(leased=True, lease_name=name, client_name=lease.client)
                )
                told = name
            await self._core.changes.after(version)

    def _is_dead(self, exporter: str) -> bool:
        fault = self._faults.get("exporter_dead")
        if fault is None or fault.exporter not in ("*", exporter):
            return False
        if fault.mode == "fail":
            raise Refused("FAILED_PRECONDITION", "exporter is offline")
        return True


def _check_dialable(exporter: Exporter) -> None:
    if exporter.status == STATUS_OFFLINE:
        raise Refused("FAILED_PRECONDITION", "exporter is offline")
    if exporter.status == STATUS_AVAILABLE:
        raise Refused("FAILED_PRECONDITION", "exporter is not ready (status: Available)")
