# SPDX-License-Identifier: GPL-3.0-or-later
"""ClientService: what ``jmp create|get|update|delete`` talk to."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from jumpstarter_protocol import client_pb2, client_pb2_grpc

from hatci_lab.controller.auth import Authenticator, Context, subject_of_client
from hatci_lab.controller.convert import exporter_to_pb, lease_to_pb, parse_name, seconds
from hatci_lab.controller.core import Core
from hatci_lab.controller.errors import Refused
from hatci_lab.controller.leases import LeaseChange, LeaseRequest
from hatci_lab.controller.selectors import Selector, SelectorError
from hatci_lab.controller.tokens import TokenIssuer

_TOKEN_LIFETIME = 86400.0

Named = TypeVar("Named", bound=Any)


class ClientService(client_pb2_grpc.ClientServiceServicer):
    def __init__(self, core: Core, authenticator: Authenticator, tokens: TokenIssuer) -> None:
        self._core = core
        self._auth = authenticator
        self._tokens = tokens

    async def GetExporter(self, request: client_pb2.GetExporterRequest, context: Context) -> client_pb2.Exporter:
        self._auth.caller(context, "Client")
        exporter = self._core.book.exporter(parse_name(request.name, "exporters"))
        return exporter_to_pb(exporter, online=self._core.book.exporter_online(exporter))

    async def ListExporters(
        self, request: client_pb2.ListExportersRequest, context: Context
    ) -> client_pb2.ListExportersResponse:
        self._auth.caller(context, "Client")
        try:
            selector = Selector.parse(request.filter)
        except SelectorError as error:
            raise Refused("UNKNOWN", str(error)) from error
        book = self._core.book
        matching = sorted(
            (item for item in book.exporters.values() if selector.matches(item.labels)), key=lambda item: item.name
        )
        page, token = _page(matching, request.page_size, request.page_token)
        return client_pb2.ListExportersResponse(
            exporters=[exporter_to_pb(item, online=book.exporter_online(item)) for item in page],
            next_page_token=token,
        )

    async def GetLease(self, request: client_pb2.GetLeaseRequest, context: Context) -> client_pb2.Lease:
        self._auth.caller(context, "Client")
        return lease_to_pb(self._core.book.get(parse_name(request.name, "leases")), time.time())

    async def ListLeases(
        self, request: client_pb2.ListLeasesRequest, context: Context
    ) -> client_pb2.ListLeasesResponse:
        self._auth.caller(context, "Client")
        leases = self._core.book.select(
            label_filter=request.filter,
            tag_filter=request.tag_filter,
            only_active=request.only_active if request.HasField("only_active") else True,
        )
        page, token = _page(leases, request.page_size, request.page_token)
        now = time.time()
        return client_pb2.ListLeasesResponse(leases=[lease_to_pb(lease, now) for lease in page], next_page_token=token)

    async def CreateLease(self, request: client_pb2.CreateLeaseRequest, context: Context) -> client_pb2.Lease:
        client = self._auth.caller(context, "Client")
        wanted = request.lease
        lease = self._core.book.create(
            client,
            LeaseRequest(
                duration=wanted.duration.ToNanoseconds() / 1e9,
                lease_id=request.lease_id,
                selector=wanted.selector,
                exporter_name=wanted.exporter_name,
                tags=dict(wanted.tags),
                allow_disabled=wanted.allow_disabled,
                begin_time=seconds(wanted.begin_time) if wanted.HasField("begin_time") else None,
            ),
        )
        self._core.changed()
        return lease_to_pb(lease, time.time())

    async def UpdateLease(self, request: client_pb2.UpdateLeaseRequest, context: Context) -> client_pb2.Lease:
        client = self._auth.caller(context, "Client")
        wanted = request.lease
        change = LeaseChange(
            duration=wanted.duration.ToNanoseconds() / 1e9 if wanted.HasField("duration") else None,
            begin_time=seconds(wanted.begin_time) if wanted.HasField("begin_time") else None,
            client=parse_name(wanted.client, "clients") if wanted.client else None,
        )
        lease = self._core.book.update(client, parse_name(wanted.name, "leases"), change)
        self._core.changed()
        return lease_to_pb(lease, time.time())

    async def DeleteLease(self, request: client_pb2.DeleteLeaseRequest, context: Context) -> Empty:
        client = self._auth.caller(context, "Client")
        self._core.book.delete(client, parse_name(request.name, "leases"))
        self._core.changed()
        return Empty()

    async def RotateToken(
        self, request: client_pb2.RotateTokenRequest, context: Context
    ) -> client_pb2.RotateTokenResponse:
        client = self._auth.caller(context, "Client")
        response = client_pb2.RotateTokenResponse(
            token=self._tokens.issue(subject_of_client(client, self._core.book.uid(client)), lifetime=_TOKEN_LIFETIME)
        )
        response.expiry.FromSeconds(int(time.time() + _TOKEN_LIFETIME))
        return response


def _page(items: list[Named], size: int, token: str) -> tuple[list[Named], str]:
    """Items are ordered by name, so the name of the last one is where the next page begins."""
    rest = [item for item in items if item.name > token]
    if size <= 0 or len(rest) <= size:
        return rest, ""
    return rest[:size], rest[size - 1].name
