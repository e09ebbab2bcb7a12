# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ECU may do instead of what it should. One entry a kind: its stage, and the steps it takes instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hatci_lab.car import doip, uds
from hatci_lab.car.model import Fault

Stage = Literal["connect", "activation", "request"]
PENDING_INTERVAL = 1.0


@dataclass(frozen=True)
class Send:
    """Bytes for the wire."""

    data: bytes


@dataclass(frozen=True)
class Say:
    """A UDS response, which travels in a diagnostic message."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Close:
    pass


@dataclass(frozen=True)
class Reset:
    """The ECU goes down and comes back."""


Step = Send | Say | Wait | Close | Reset


@dataclass(frozen=True)
class Occasion:
    """When a fault strikes: who talks to whom, the UDS request if there is one, and what would be said without it."""

    tester: int
    entity: int
    request: bytes
    usual: Callable[[], Iterable[Step]]


Act = Callable[[dict[str, Any], Occasion], Iterable[Step]]


@dataclass(frozen=True)
class Kind:
    """`acknowledged`: a diagnostic message is acknowledged all the same, before the fault."""

    stage: Stage
    act: Act
    acknowledged: bool = True


def _garbage(options: dict[str, Any], _occasion: Occasion) -> Iterator[Step]:
    data = options.get("data")
    yield Send(os.urandom(64) if data is None else bytes.fromhex(data))


def _wrong_version(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    version = int(options.get("version", 0x55))
    for step in occasion.usual():
        yield Send(bytes([version, version ^ 0xFF]) + step.data[2:]) if isinstance(step, Send) else step


def _refuse(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    code = doip.Activation(options.get("code", doip.Activation.UNKNOWN_SOURCE))
    yield Send(doip.activation_response(occasion.tester, occasion.entity, code))
    yield Close()


def _nack(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    code = doip.DiagnosticNack(options.get("code", doip.DiagnosticNack.UNKNOWN_TARGET))
    yield Send(doip.diagnostic_nack(occasion.entity, occasion.tester, code))


def _negative(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    yield Say(uds.negative(occasion.request[0], options.get("nrc", uds.Nrc.CONDITIONS_NOT_CORRECT)))


def _pending(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    left = float(options.get("seconds", 1.0))
    while left > 0:
        yield Say(uds.negative(occasion.request[0], uds.Nrc.RESPONSE_PENDING))
        yield Wait(min(left, PENDING_INTERVAL))
        left -= PENDING_INTERVAL
    yield from occasion.usual()


def _slow(options: dict[str, Any], occasion: Occasion) -> Iterator[Step]:
    yield Wait(float(options.get("seconds", 1.0)))
    yield from occasion.usual()


def _say(options: dict[str, Any], _occasion: Occasion) -> Iterator[Step]:
    yield Say(bytes.fromhex(options["data"]))


def _nothing(_options: dict[str, Any], _occasion: Occasion) -> Iterator[Step]:
    yield from ()


KINDS: dict[str, Kind] = {
    "close": Kind("connect", lambda _options, _occasion: [Close()]),
    "silent": Kind("activation", _nothing),
    "garbage": Kind("activation", _garbage),
    "wrong_version": Kind("activation", _wrong_version),
    "refuse": Kind("activation", _refuse),
    "nack": Kind("request", _nack, acknowledged=False),
    "negative": Kind("request", _negative),
    "pending": Kind("request", _pending),
    "slow": Kind("request", _slow),
    "say": Kind("request", _say),
    "reset": Kind("request", lambda _options, _occasion: [Reset()]),
}


def stage_of(fault: Fault) -> str:
    return str(fault.options.get("stage", KINDS[fault.kind].stage))


def strike(faults: Iterable[Fault], stage: Stage, ecu: str, request: bytes = b"") -> Fault | None:
    """The first armed fault that hits here; it counts that it fired, others that they let it pass."""
    for fault in faults:
        if stage_of(fault) != stage or fault.ecu not in (None, ecu):
            continue
        if fault.service is not None and request[:1] != bytes([fault.service]):
            continue
        if fault.times and fault.fired >= fault.times:
            continue
        if fault.passed < fault.skip:
            fault.passed += 1
            continue
        fault.fired += 1
        return fault
    return None


def steps(fault: Fault, occasion: Occasion) -> Iterable[Step]:
    return KINDS[fault.kind].act(fault.options, occasion)
