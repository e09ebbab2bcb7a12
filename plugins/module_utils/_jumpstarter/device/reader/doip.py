# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DoIP (ISO 13400-2) by doipclient, with an end to everything an ECU may send."""

from __future__ import annotations

import struct
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.link import NotRead

try:
    from doipclient import DoIPClient
    from doipclient import messages as doip

    HAS_DOIPCLIENT = True
except ImportError:  # here it is only handed on to the Python of jmp
    DoIPClient = object
    HAS_DOIPCLIENT = False

HEADER = struct.Struct("!BBHL")
LONGEST_MESSAGE = 256 * 1024
CHUNK = 65536
ANSWER_SECONDS = 5.0
"""ISO 13400-2 grants an entity 2 s to answer what is not a diagnostic request (A_Processing_Time); the way through the
exporter adds to that, on a busy machine seconds."""


class DoipConnection(DoIPClient):
    """One connection to one ECU, on which routing is activated.

    Messages are taken off the socket here: doipclient itself waits in vain where something else than DoIP comes, takes
    messages of any length, and does not tell silence from a closed connection.

    :param deadline: when, by the monotonic clock, every wait ends.
    :raises NotRead: the ECU does not accept the connection.
    """

    def __init__(self, host: str, port: int, logical_address: int, deadline: float) -> None:
        self._deadline = deadline
        self._received = bytearray()
        self._heard = False
        super().__init__(host, logical_address, tcp_port=port, activation_type=None)
        try:
            self._activate()
        except BaseException:
            self.close()
            raise

    def read_doip(self, timeout: float = ANSWER_SECONDS, transport: t.Any = None) -> t.Any:
        """Return the next message that is not about the connection itself.

        :raises TimeoutError: there is none in time.
        :raises NotRead: there will be none that can be used.
        """
        end = min(time.monotonic() + timeout, self._deadline)
        while True:
            message = self._unpack(*self._next_message(end))
            if isinstance(message, doip.AliveCheckRequest):
                self.send_doip_message(doip.AliveCheckResponse(self._client_logical_address))
            elif isinstance(message, doip.GenericDoIPNegativeAcknowledge):
                raise NotRead(f"it refused a DoIP message: {_named(message.NackCodes, message._nack_code)}")
            elif isinstance(message, doip.DiagnosticMessageNegativeAcknowledgement):
                raise NotRead(self._refusal(message))
            else:
                return message

    def _activate(self) -> None:
        codes = doip.RoutingActivationResponse.ResponseCode
        try:
            response = self.request_activation(doip.RoutingActivationRequest.ActivationType.Default, disable_retry=True)
        except TimeoutError:
            raise NotRead("it accepted the connection and gave no answer") from None
        except OSError as error:
            raise NotRead(f"the connection broke: {error.strerror or error}") from None
        if response._response_code != codes.Success:
            raise NotRead(f"it refused the routing activation: {_named(codes, response._response_code)}")

    def _next_message(self, end: float) -> tuple[int, bytes]:
        version, inverse, kind, length = HEADER.unpack(self._peek(HEADER.size, end))
        if version ^ inverse != 0xFF:
            began = self._received[: HEADER.size].hex().upper()
            raise NotRead(f"it sends something else than DoIP, which begins with 0x{began}")
        if length > LONGEST_MESSAGE:
            raise NotRead(f"it sends a DoIP message of {length} bytes, and at most {LONGEST_MESSAGE} are read")
        payload = self._peek(HEADER.size + length, end)[HEADER.size :]
        del self._received[: HEADER.size + length]
        self._heard = True
        return kind, payload

    def _peek(self, size: int, end: float) -> bytes:
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer")
            if len(self._received) >= size:
                return bytes(self._received[:size])
            self._tcp_sock.settimeout(left)
            try:
                chunk = self._tcp_sock.recv(CHUNK)
            except TimeoutError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise NotRead(self._closed())
            self._received += chunk

    def _closed(self) -> str:
        if self._heard or self._received:
            return "it closed the connection"
        return "it does not accept connections (it is off, starting, or elsewhere than the exporter says)"

    def _unpack(self, kind: int, payload: bytes) -> t.Any:
        known = doip.payload_type_to_message.get(kind)
        try:
            return known.unpack(payload, len(payload)) if known else doip.ReservedMessage(kind, payload)
        except struct.error:
            raise NotRead(f"it sends a DoIP message of type 0x{kind:04X} that is too short") from None

    def _refusal(self, message: t.Any) -> str:
        codes = message.NackCodes
        hint = ""
        if message._nack_code == codes.UnknownTargetAddress:
            hint = f"; logical_address 0x{self._ecu_logical_address:04X} is not its address"
        return f"it refused the request: {_named(codes, message._nack_code)}{hint}"


def _named(codes: t.Any, code: int) -> str:
    """Return a code with its name, if the standard gives it one."""
    name = next((one.name for one in codes if one == code), "reserved code")
    return f"{name[:1].lower()}{name[1:]} (0x{code:02X})"
