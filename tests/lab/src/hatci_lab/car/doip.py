# SPDX-License-Identifier: GPL-3.0-or-later
"""DoIP messages on the wire (ISO 13400-2): a header of eight bytes and a payload."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum

VERSION = 0x02
VERSIONS = frozenset({0x01, 0x02, 0x03})
MAX_PAYLOAD = 65_536
TESTER_ADDRESSES = range(0x0E00, 0x1000)
ACTIVATION_TYPES = frozenset({0x00, 0x01})
_HEADER = struct.Struct("!BBHL")


class Payload(IntEnum):
    GENERIC_NACK = 0x0000
    ACTIVATION_REQUEST = 0x0005
    ACTIVATION_RESPONSE = 0x0006
    ALIVE_CHECK_REQUEST = 0x0007
    ALIVE_CHECK_RESPONSE = 0x0008
    DIAGNOSTIC = 0x8001
    DIAGNOSTIC_ACK = 0x8002
    DIAGNOSTIC_NACK = 0x8003


class HeaderNack(IntEnum):
    INCORRECT_PATTERN = 0x00
    UNKNOWN_PAYLOAD_TYPE = 0x01
    MESSAGE_TOO_LARGE = 0x02
    INVALID_LENGTH = 0x04


class Activation(IntEnum):
    UNKNOWN_SOURCE = 0x00
    SOURCE_DIFFERS = 0x02
    SOURCE_IN_USE = 0x03
    UNSUPPORTED_TYPE = 0x06
    SUCCESS = 0x10


class DiagnosticNack(IntEnum):
    INVALID_SOURCE = 0x02
    UNKNOWN_TARGET = 0x03
    TOO_LARGE = 0x04


class BadHeader(Exception):
    def __init__(self, nack: HeaderNack) -> None:
        super().__init__(nack.name)
        self.nack = nack


@dataclass(frozen=True)
class Message:
    payload_type: int
    payload: bytes


def pack(payload_type: int, payload: bytes, version: int = VERSION) -> bytes:
    return _HEADER.pack(version, version ^ 0xFF, payload_type, len(payload)) + payload


async def receive(reader: asyncio.StreamReader) -> Message:
    """The next message.

    Raises BadHeader for what is not DoIP or is too long, IncompleteReadError when the connection ends.
    """
    version, inverse, payload_type, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    if version ^ inverse != 0xFF or version not in VERSIONS:
        raise BadHeader(HeaderNack.INCORRECT_PATTERN)
    if length > MAX_PAYLOAD:
        raise BadHeader(HeaderNack.MESSAGE_TOO_LARGE)
    return Message(payload_type, await reader.readexactly(length))


def activation_response(tester: int, entity: int, code: Activation) -> bytes:
    return pack(Payload.ACTIVATION_RESPONSE, struct.pack("!HHBL", tester, entity, code, 0))


def diagnostic(source: int, target: int, data: bytes) -> bytes:
    return pack(Payload.DIAGNOSTIC, struct.pack("!HH", source, target) + data)


def diagnostic_ack(source: int, target: int) -> bytes:
    return pack(Payload.DIAGNOSTIC_ACK, struct.pack("!HHB", source, target, 0))


def diagnostic_nack(source: int, target: int, code: DiagnosticNack) -> bytes:
    return pack(Payload.DIAGNOSTIC_NACK, struct.pack("!HHB", source, target, code))
