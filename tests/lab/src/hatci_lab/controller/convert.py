# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the plain data of this controller and Jumpstarter's protobuf messages."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp
from jumpstarter_protocol import client_pb2, kubernetes_pb2

from hatci_lab.controller.auth import NAMESPACE
from hatci_lab.controller.errors import Refused
from hatci_lab.controller.model import Condition, Exporter, Lease


def parse_name(identifier: str, kind: str) -> str:
    segments = identifier.split("/")
    if len(segments) != 4 or segments[0] != "namespaces" or segments[2] != kind:
        raise Refused("INVALID_ARGUMENT", f"invalid identifier {identifier!r}, expecting namespaces/*/{kind}/*")
    if segments[1] != NAMESPACE:
        raise Refused("PERMISSION_DENIED", "namespace mismatch")
    return segments[3]


def seconds(stamp: Timestamp) -> float:
    return float(stamp.seconds + stamp.nanos / 1e9)


def condition_to_pb(condition: Condition) -> kubernetes_pb2.Condition:
    return kubernetes_pb2.Condition(
        type=condition.type,
        status="True" if condition.status else "False",
        observedGeneration=1,
        lastTransitionTime=kubernetes_pb2.Time(seconds=int(condition.since), nanos=0),
        reason=condition.reason,
        message=condition.message,
    )


def lease_to_pb(lease: Lease, now: float) -> client_pb2.Lease:
    message = client_pb2.Lease(
        name=f"namespaces/{NAMESPACE}/leases/{lease.name}",
        selector=str(lease.parsed_selector),
        client=f"namespaces/{NAMESPACE}/clients/{lease.client}",
        conditions=[condition_to_pb(item) for item in lease.conditions],
        tags=lease.tags,
        allow_disabled=lease.allow_disabled,
    )
    message.duration.FromNanoseconds(int(lease.duration * 1e9))
    if lease.exporter_name:
        message.exporter_name = lease.exporter_name
    if lease.exporter:
        message.exporter = f"namespaces/{NAMESPACE}/exporters/{lease.exporter}"
    if lease.requested_begin is not None:
        message.begin_time.FromNanoseconds(int(lease.requested_begin * 1e9))
    if lease.begin is not None:
        _set_effective_times(message, lease.begin, lease.end, now)
    return message


def exporter_to_pb(exporter: Exporter, *, online: bool) -> client_pb2.Exporter:
    return client_pb2.Exporter(
        name=f"namespaces/{NAMESPACE}/exporters/{exporter.name}",
        labels=exporter.labels,
        online=online,
        status=exporter.status,
        status_message=exporter.status_message,
        enabled=exporter.enabled,
    )


def _set_effective_times(message: client_pb2.Lease, begin: float, end: float | None, now: float) -> None:
    """A lease that never began has no effective times at all, not even an end."""
    message.effective_begin_time.FromNanoseconds(int(begin * 1e9))
    if end is not None:
        message.effective_end_time.FromNanoseconds(int(end * 1e9))
    message.effective_duration.FromNanoseconds(int(max(0.0, (end or now) - begin) * 1e9))
