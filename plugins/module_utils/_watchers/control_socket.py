# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending a watcher something while it runs: a socket without a file, which only this user can use.

Its name stands in the kernel, so nobody can remove it. Both sides look who the other one is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import struct
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

RECEIVED = b"received\n"
SEND_SECONDS = 30.0
READ_SECONDS = 5.0
MOST_BYTES = 16 * 1024 * 1024
MOST_WAITING = 1024
CREDENTIALS = struct.Struct("3i")


class NoListener(ConnectionError):
    """Nobody listens there who works for this user."""


def socket_name(purpose: str, owner: Owner) -> str:
    """Return the name of the socket of a play's watcher.

    Where things lie in the memory of ansible-playbook is part of it: only its user can look that up, so nobody else
    can take the name before the watcher does.

    :raises OwnerGone: the play has ended.
    """
    secret = b""
    try:
        with contextlib.suppress(PermissionError), open(f"/proc/{owner.pid}/auxv", "rb") as file:
            secret = file.read()
    except (FileNotFoundError, ProcessLookupError):
        raise OwnerGone("the ansible-playbook process has ended") from None
    digest = hashlib.sha256(secret + f"{os.getuid()} {owner.pid} {owner.start}".encode()).hexdigest()
    return f"\0hatci-automation/{purpose}/{digest}"


def open_control_socket(name: str) -> socket.socket:
    """Return a listening socket.

    :raises OSError: the name is taken, or there is no free descriptor.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(name)
        listening.listen(MOST_WAITING)
    except OSError:
        listening.close()
        raise
    return listening


def send(name: str, message: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Send a message and return what the watcher answers when it has received it; empty if it has nothing to say.

    :raises NoListener: there is no watcher.
    :raises OSError: the watcher does not react.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SEND_SECONDS)
        try:
            connection.connect(name)
        except ConnectionRefusedError:
            raise NoListener("nobody listens") from None
        if not _is_same_user(connection):
            raise NoListener("another user listens in its place")
        connection.sendall(json.dumps(message).encode() + b"\n")
        with connection.makefile("rb") as reply:
            if reply.readline(len(RECEIVED)) != RECEIVED:
                raise ConnectionAbortedError("the watcher did not take the message")
            answer = reply.read(MOST_BYTES)
    return t.cast("dict[str, t.Any]", json.loads(answer)) if answer else {}


def receive(listening: socket.socket, record: t.Callable[[dict[str, t.Any]], t.Mapping[str, t.Any] | None]) -> None:
    """Receive one message, if there is a whole one of this user, and confirm it once it has been recorded.

    :param record: returns what is answered, if anything.
    """
    with contextlib.suppress(OSError), listening.accept()[0] as connection:
        if not _is_same_user(connection):
            return
        connection.settimeout(READ_SECONDS)
        line = b""
        while not line.endswith(b"\n") and len(line) < MOST_BYTES:
            chunk = connection.recv(65536)
            if not chunk:
                return
            line += chunk
        with contextlib.suppress(ValueError, RecursionError):
            answer = record(json.loads(line))
            connection.sendall(RECEIVED + (json.dumps(answer).encode() if answer else b""))


def _is_same_user(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _pid, uid, _gid = CREDENTIALS.unpack(credentials)
    return bool(uid == os.geteuid())
