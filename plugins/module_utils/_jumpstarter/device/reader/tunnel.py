# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ECU behind a network tunnel: UDS (ISO 14229-1) by udsoncan, over a DoIP connection of our own."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.doip import (
    HAS_DOIPCLIENT,
    DoipConnection,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.link import (
    LibraryMissing,
    NotRead,
    Reading,
)

try:
    from doipclient.connectors import DoIPClientUDSConnector
    from udsoncan import Request, services
    from udsoncan import exceptions as uds
    from udsoncan.client import Client
    from udsoncan.configs import default_client_config

    HAS_UDSONCAN = True
except ImportError:  # here it is only handed on to the Python of jmp
    HAS_UDSONCAN = False

FIRST_ANSWER_SECONDS = 5.0
"""A request is answered within 50 ms by the standard, and gateways add to that."""
PENDING_SECONDS = 10.0
"""After "response pending" an ECU speaks again within 5 s by the standard."""

BY_STATUS_MASK = 0x02
ANY_STATUS = b"\xff"
ALL_GROUPS = b"\xff\xff\xff"


@contextlib.contextmanager
def open_tunnel(driver: t.Any, logical_address: int, deadline: float) -> t.Iterator[TunnelLink]:
    """Connect to an ECU through a driver's tunnel, anew, so that it does not matter what became of earlier connections.

    :raises LibraryMissing: this Python lacks what speaks to ECUs.
    :raises NotRead: the ECU does not accept the connection.
    """
    if not HAS_DOIPCLIENT:
        raise LibraryMissing("doipclient")
    if not HAS_UDSONCAN:
        raise LibraryMissing("udsoncan")
    from jumpstarter_driver_network.adapters import TcpPortforwardAdapter

    failure: Exception | None = None
    with TcpPortforwardAdapter(client=driver) as (host, port, *_more):
        try:
            with contextlib.closing(DoipConnection(host, port, logical_address, deadline)) as connection:
                yield TunnelLink(connection, deadline)
        except Exception as error:  # kept from the adapter, which would make a group of it
            failure = error
    if failure:
        raise failure


class TunnelLink:
    """See :class:`~.link.Link`."""

    def __init__(self, connection: DoipConnection, deadline: float) -> None:
        config = {
            **default_client_config,
            "request_timeout": max(deadline - time.monotonic(), 0.0),
            "p2_timeout": FIRST_ANSWER_SECONDS,
            "p2_star_timeout": PENDING_SECONDS,
            "use_server_timing": False,
            "nrc78_callback": self._note_pending,
        }
        self._client = Client(DoIPClientUDSConnector(connection), config=config)
        self._client.open()
        self._pending = False

    def read(self, did: int) -> Reading:
        """Read a data identifier."""
        asked = did.to_bytes(2, "big")
        answer = self._ask(Request(services.ReadDataByIdentifier, data=asked))
        if not isinstance(answer, bytes):
            return answer
        if answer[:2] != asked:
            return {"odd": f"it answered for DID {answer[:2].hex().upper() or 'nothing'}"}
        return {"hex": answer[2:].hex()}

    def read_codes(self) -> Reading:
        """Read the trouble codes."""
        request = Request(services.ReadDTCInformation, subfunction=BY_STATUS_MASK, data=ANY_STATUS)
        return _as_reading(self._ask(request))

    def clear_codes(self) -> Reading:
        """Clear all trouble codes."""
        return _as_reading(self._ask(Request(services.ClearDiagnosticInformation, data=ALL_GROUPS)))

    def _ask(self, request: t.Any) -> bytes | Reading:
        """Return what follows the service in the answer, or the reading that another answer makes."""
        self._pending = False
        try:
            return bytes(self._client.send_request(request).data or b"")
        except uds.NegativeResponseException as refusal:
            return {"refusal": [refusal.response.code, refusal.response.code_name]}
        except (uds.InvalidResponseException, uds.UnexpectedResponseException) as error:
            said = (error.response.original_payload or b"").hex().upper()
            return {"odd": f"it answered with something else: {f'0x{said[:40]}' if said else 'nothing'}"}
        except (uds.TimeoutException, TimeoutError):
            if self._pending:
                raise NotRead("it said that its answer is pending (0x78), and gave none in time") from None
            raise NotRead("it gave no answer in time") from None
        except OSError as error:
            raise NotRead(f"the connection broke: {error.strerror or error}") from None

    def _note_pending(self) -> None:
        self._pending = True


def _as_reading(answer: bytes | Reading) -> Reading:
    return {"hex": answer.hex()} if isinstance(answer, bytes) else answer
