# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the reader beside ``jmp shell``, with the Python of ``jmp``: both load at once what takes most of their time.

Its arguments are the directory of the reader and the whole of ``jmp shell``, which runs :mod:`.handover` in it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.handover import SOCKET

Values = dict[str, t.Any]

ALWAYS = ("jumpstarter.utils.env", "jumpstarter_driver_composite.client", "jumpstarter_driver_power.client")
TUNNEL = ("jumpstarter_driver_network.client", "jumpstarter_driver_network.adapters")
DRIVER = ("jumpstarter_driver_uds.client",)
"""What a client of the exporter is going to load: for any, for ECUs behind a tunnel, for those behind a UDS driver."""


def main() -> None:
    """Start ``jmp shell``, read meanwhile, and end as it ends."""
    directory, command = sys.argv[1], sys.argv[2:]
    listener = listen(directory)
    # Whoever ends this ends jmp too, and jmp takes a moment to close its drivers; it does not inherit a handler.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    try:
        # What was opened for jmp, such as the lock of a device, goes on to it.
        jmp = subprocess.Popen(command, close_fds=False)
    except OSError as error:
        raise SystemExit(f"{command[0]} cannot be run: {error.strerror}") from None
    os.environ.pop("JMP_TOKEN", None)
    follower = threading.Thread(target=end_with, args=(jmp,), daemon=True)
    follower.start()
    held = contextlib.ExitStack()

    def end() -> None:
        held.close()
        follower.join()

    try:
        held.enter_context(listener)
        read_beside(directory, listener, held, end)
    except Exception:
        traceback.print_exc()
    end()


def end_with(jmp: subprocess.Popen[bytes]) -> None:
    """End this process when ``jmp`` ends, whatever it does then, and with its exit code."""
    code = jmp.wait()
    os._exit(code if code >= 0 else 128 - code)


def read_beside(directory: str, listener: socket.socket, held: contextlib.ExitStack, end: t.Callable[[], None]) -> None:
    """Load, and read once ``jmp shell`` hands over.

    :param held: gets what ``jmp shell`` waits for.
    :param end: lets it end, and this process with it.
    """
    logging.disable(logging.CRITICAL)
    with open(os.path.join(directory, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.main import read

    preload(request["ecus"])
    connection, environment = take_over(listener)
    held.enter_context(connection)
    os.environ.clear()
    os.environ.update(environment)
    read(directory, request, end)


def listen(directory: str) -> socket.socket:
    """Return the socket to which the environment is handed over."""
    listener = socket.socket(socket.AF_UNIX)
    descriptor = os.open(directory, os.O_RDONLY)
    # The path of the directory can be longer than the address of a socket may be.
    listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    os.close(descriptor)
    listener.listen()
    return listener


def preload(ecus: t.Sequence[Values]) -> None:
    """Load what the client of the exporter will want."""
    tunnels = [ecu["logical_address"] is not None for ecu in ecus]
    for module in (*ALWAYS, *(TUNNEL if any(tunnels) else ()), *(() if all(tunnels) else DRIVER)):
        # What cannot be loaded is told when it is wanted.
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def take_over(listener: socket.socket) -> tuple[socket.socket, dict[str, str]]:
    """Return the connection, whose end lets ``jmp shell`` end, and the environment in there."""
    connection, _address = listener.accept()
    listener.close()
    with connection.makefile(encoding="utf-8") as file:
        return connection, json.loads(file.readline())
