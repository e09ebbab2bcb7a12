# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges with an end: a deadline over the ways to a server and all that is read, and a limit to its size."""

from __future__ import annotations

import http.client
import io
import socket
import typing as t
import zlib

from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

try:
    import urllib3
    from requests.adapters import HTTPAdapter
except ImportError:  # reported by whoever wants a session
    HTTPAdapter = object  # type: ignore[assignment, misc]

READ_BYTES = 65536
HEAD_BYTES = 1024 * 1024
"""More than the status line, headers and framing of any answer take."""


class UnusableAnswer(Exception):
    """An answer came that cannot be read to its end.

    ``status`` is its HTTP status, None if it did not even show one.
    """

    status: int | None = None


class AnswerTooSlow(UnusableAnswer):
    """It was still coming in when its time was over."""


class AnswerTooLong(UnusableAnswer):
    """It is longer than any that is expected."""


class UnreadableEncoding(UnusableAnswer):
    """It is compressed although that was not asked for, and not in a way that can be read."""


class Bounds:
    """What the exchange that runs now may take."""

    def __init__(self) -> None:
        self.deadline = Deadline(0)
        self.bytes_left = 0

    def begin(self, deadline: Deadline, most_bytes: int) -> None:
        """Set the bounds of the next exchange."""
        self.deadline = deadline
        self.bytes_left = most_bytes + HEAD_BYTES


class BoundedAdapter(HTTPAdapter):
    """Lets every connection of a session, through a proxy too, read within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        super().__init__()

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._bound(manager)
        return manager

    def _bound(self, manager: t.Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _bounded_pool(pool, self._bounds) for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _bounded_pool(pool: type, bounds: Bounds) -> type:
    connection = pool.ConnectionCls  # type: ignore[attr-defined]

    class BoundedResponse(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: t.Any, **kwargs: t.Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp = io.BufferedReader(_BoundedReader(sock, self.fp.detach(), bounds))

    members: dict[str, t.Any] = {"response_class": BoundedResponse}
    if connection._new_conn is urllib3.connection.HTTPConnection._new_conn:  # SOCKS has a way of its own
        members["_new_conn"] = lambda self: _connect(self, lambda: connection._new_conn(self), bounds)
    bounded = type(connection.__name__, (connection,), members)
    return type(pool.__name__, (pool,), {"ConnectionCls": bounded})


def _connect(connection: t.Any, connect: t.Callable[[], socket.socket], bounds: Bounds) -> socket.socket:
    """Connect to the first address of a name that answers.

    urllib3 gives each of them the whole timeout, so that a name with many takes many times as long.
    """
    name, timeout = connection._dns_host, connection.timeout
    addresses = _addresses_of(connection, name)
    if len(addresses) < 2 or not isinstance(timeout, (int, float)):
        return connect()
    try:
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            connection._dns_host = address
            connection.timeout = max(0.001, min(timeout, bounds.deadline.left / left))
            try:
                return connect()
            except urllib3.exceptions.HTTPError:
                if left == 1:
                    raise
    finally:
        connection._dns_host, connection.timeout = name, timeout
    raise AssertionError("there are addresses")


def _addresses_of(connection: t.Any, name: str) -> list[str]:
    """Return the addresses of a name, each once; none where urllib3 has more to say of it.

    :raises NameResolutionError: it has none.
    """
    try:
        found = socket.getaddrinfo(
            name.strip("[]"), connection.port, urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM
        )
    except UnicodeError:
        return []
    except socket.gaierror as error:
        if not hasattr(urllib3.exceptions, "NameResolutionError"):  # urllib3 before 2
            return []
        raise urllib3.exceptions.NameResolutionError(connection.host, connection, error) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _BoundedReader(io.RawIOBase):
    """Reads from a socket, be it a status line, a header, a chunk's size or a body."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, bounds: Bounds) -> None:
        self._sock = sock
        self._raw = raw
        self._bounds = bounds
        self._timeout = sock.gettimeout()
        self._has_begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        deadline = self._bounds.deadline
        if deadline.expired and self._has_begun:
            raise AnswerTooSlow
        self._sock.settimeout(max(0.001, deadline.left if self._timeout is None else deadline.bounded(self._timeout)))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            if deadline.expired and self._has_begun:
                raise AnswerTooSlow from None
            raise
        self._has_begun = True
        self._bounds.bytes_left -= count or 0
        if self._bounds.bytes_left < 0:
            raise AnswerTooLong
        return t.cast("int | None", count)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


def read_body(response: t.Any, most_bytes: int) -> bytes:
    """Return the body of a response that was opened with ``stream``, unpacked.

    :raises AnswerTooLong: it is longer than that, packed or unpacked.
    :raises UnreadableEncoding: it cannot be unpacked.
    """
    body = bytearray()
    while chunk := response.raw.read(READ_BYTES, decode_content=False):
        body += chunk
        if len(body) > most_bytes:
            raise AnswerTooLong
    if response.raw.length_remaining:  # urllib3 before 2 does not look
        raise urllib3.exceptions.IncompleteRead(len(body), response.raw.length_remaining)
    return _unpacked(bytes(body), response.headers.get("Content-Encoding", ""), most_bytes)


def _unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableEncoding
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = unpacker.decompress(body, most_bytes + 1)
    except zlib.error:
        raise UnreadableEncoding from None
    if len(plain) > most_bytes:
        raise AnswerTooLong
    if not unpacker.eof or unpacker.unused_data:
        raise UnreadableEncoding
    return plain
