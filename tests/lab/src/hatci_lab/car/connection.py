# SPDX-License-Identifier: GPL-3.0-or-later
"""One tester's TCP connection to one ECU: routing activation, alive checks, diagnostic messages."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from hatci_lab.car import doip, uds
from hatci_lab.car.doip import Activation, BadHeader, DiagnosticNack, HeaderNack, Message, Payload
from hatci_lab.car.faults import KINDS, Close, Occasion, Reset, Say, Send, Stage, Step, Wait, steps
from hatci_lab.car.model import Ecu, Fault

ALIVE_CHECK_SECONDS = 0.5
_ACTIVATION = struct.Struct("!HBL")
_ADDRESSES = struct.Struct("!HH")


class Entity(Protocol):
    """The ECU as its connections see it."""

    @property
    def ecu(self) -> Ecu: ...

    def respond(self, request: bytes) -> uds.Response: ...

    def strike(self, stage: Stage, request: bytes) -> Fault | None: ...

    def note(self, stage: Stage, request: bytes, fault: Fault | None) -> dict[str, Any]: ...

    def holder(self, tester: int) -> Connection | None: ...

    def reset(self) -> None: ...


class _Over(Exception):
    """This connection ends now."""


class Connection:
    def __init__(self, entity: Entity, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._entity = entity
        self._reader = reader
        self._writer = writer
        self._alive = asyncio.Event()
        self.tester: int | None = None

    async def serve(self) -> None:
        """Until either side closes."""
        try:
            await self._begin()
            while True:
                await self._handle(await doip.receive(self._reader))
        except BadHeader as error:
            self._writer.write(doip.pack(Payload.GENERIC_NACK, bytes([error.nack])))
        except (_Over, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def is_alive(self) -> bool:
        """Whether the tester answers an alive check; one that does not loses its connection."""
        self._alive.clear()
        self._writer.write(doip.pack(Payload.ALIVE_CHECK_REQUEST, b""))
        try:
            await asyncio.wait_for(self._alive.wait(), ALIVE_CHECK_SECONDS)
        except TimeoutError:
            self.abort()
            return False
        return True

    async def _begin(self) -> None:
        fault = self._entity.strike("connect", b"")
        entry = self._entity.note("connect", b"", fault)
        if fault:
            await self._take(steps(fault, self._occasion(0, b"", tuple)), entry)

    async def _handle(self, message: Message) -> None:
        match message.payload_type:
            case Payload.ACTIVATION_REQUEST:
                await self._activate(message.payload)
            case Payload.ALIVE_CHECK_REQUEST:
                address = self._entity.ecu.logical_address
                await self._send(doip.pack(Payload.ALIVE_CHECK_RESPONSE, address.to_bytes(2, "big")))
            case Payload.ALIVE_CHECK_RESPONSE:
                self._alive.set()
            case Payload.DIAGNOSTIC:
                await self._diagnose(message.payload)
            case _:
                await self._send(doip.pack(Payload.GENERIC_NACK, bytes([HeaderNack.UNKNOWN_PAYLOAD_TYPE])))

    async def _activate(self, payload: bytes) -> None:
        if len(payload) not in (_ACTIVATION.size, _ACTIVATION.size + 4):
            raise BadHeader(HeaderNack.INVALID_LENGTH)
        tester, kind, _reserved = _ACTIVATION.unpack_from(payload)
        code = await self._admit(tester, kind)
        address = self._entity.ecu.logical_address
        usual: list[Step] = [Send(doip.activation_response(tester, address, code))]
        if code != Activation.SUCCESS:
            usual.append(Close())
        fault = self._entity.strike("activation", payload)
        entry = self._entity.note("activation", payload, fault)
        occasion = self._occasion(tester, b"", lambda: usual)
        await self._take(steps(fault, occasion) if fault else usual, entry)

    async def _admit(self, tester: int, kind: int) -> Activation:
        if tester not in doip.TESTER_ADDRESSES:
            return Activation.UNKNOWN_SOURCE
        if kind not in doip.ACTIVATION_TYPES:
            return Activation.UNSUPPORTED_TYPE
        if self.tester not in (None, tester):
            return Activation.SOURCE_DIFFERS
        other = self._entity.holder(tester)
        if other not in (None, self) and await other.is_alive():
            return Activation.SOURCE_IN_USE
        self.tester = tester
        return Activation.SUCCESS

    async def _diagnose(self, payload: bytes) -> None:
        if len(payload) <= _ADDRESSES.size:
            raise BadHeader(HeaderNack.INVALID_LENGTH)
        source, target = _ADDRESSES.unpack_from(payload)
        address = self._entity.ecu.logical_address
        if source != self.tester:
            await self._send(doip.diagnostic_nack(address, source, DiagnosticNack.INVALID_SOURCE))
            raise _Over
        if target != address:
            await self._send(doip.diagnostic_nack(address, source, DiagnosticNack.UNKNOWN_TARGET))
            return
        await self._answer(payload[_ADDRESSES.size :])

    async def _answer(self, request: bytes) -> None:
        assert self.tester is not None
        fault = self._entity.strike("request", request)
        entry = self._entity.note("request", request, fault)
        if not fault or KINDS[fault.kind].acknowledged:
            await self._send(doip.diagnostic_ack(self._entity.ecu.logical_address, self.tester))
        occasion = self._occasion(self.tester, request, lambda: self._response(request))
        await self._take(steps(fault, occasion) if fault else occasion.usual(), entry)

    def _response(self, request: bytes) -> Iterator[Step]:
        response = self._entity.respond(request)
        if response.data is not None:
            yield Say(response.data)
        if response.resets:
            yield Reset()

    def _occasion(self, tester: int, request: bytes, usual: Callable[[], Iterable[Step]]) -> Occasion:
        return Occasion(tester, self._entity.ecu.logical_address, request, usual)

    async def _take(self, taken: Iterable[Step], entry: dict[str, Any]) -> None:
        for step in taken:
            match step:
                case Send(data):
                    entry["responses"].append(data.hex())
                    await self._send(data)
                case Say(data):
                    assert self.tester is not None
                    entry["responses"].append(data.hex())
                    await self._send(doip.diagnostic(self._entity.ecu.logical_address, self.tester, data))
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Close():
                    raise _Over
                case Reset():
                    self._entity.reset()
                    raise _Over

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
