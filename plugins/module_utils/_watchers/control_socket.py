# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a watcher something while it runs: a socket in the directory that only this user can enter."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import typing as t

TAKEN = b"taken\n"
TELL_SECONDS = 10.0
READ_SECONDS = 5.0
MOST_BYTES = 16 * 1024 * 1024
MOST_WAITING = 1024


def open_control_socket(path: pathlib.Path) -> socket.socket:
    """Return a listening socket at a path, in place of one that nobody listens to any more."""
    path.unlink(missing_ok=True)
    mailbox = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_name(path) as name:
        mailbox.bind(name)
    mailbox.listen(MOST_WAITING)
    return mailbox


def tell(path: pathlib.Path, message: t.Mapping[str, t.Any]) -> None:
    """Send a message and return when the watcher has taken it.

    :raises OSError: nobody listens there, or the message was not taken.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short_name(path) as name:
        connection.settimeout(TELL_SECONDS)
        connection.connect(name)
        connection.sendall(json.dumps(message).encode() + b"\n")
        if connection.recv(len(TAKEN)) != TAKEN:
            raise ConnectionAbortedError("the watcher did not take the message")


def take(mailbox: socket.socket, heed: t.Callable[[dict[str, t.Any]], None]) -> None:
    """Take one message, if there is a whole one, and say so once it has been heeded."""
    with contextlib.suppress(OSError), mailbox.accept()[0] as connection:
        connection.settimeout(READ_SECONDS)
        line = b""
        while not line.endswith(b"\n") and len(line) < MOST_BYTES:
            chunk = connection.recv(65536)
            if not chunk:
                return
            line += chunk
        with contextlib.suppress(ValueError, RecursionError):
            heed(json.loads(line))
            connection.sendall(TAKEN)


@contextlib.contextmanager
def _short_name(path: pathlib.Path) -> t.Iterator[str]:
    """Yield another name of a path, since the kernel takes none longer than 107 bytes for a socket."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
