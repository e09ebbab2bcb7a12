# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside ``jmp shell``: hands its environment, by which the device is reached, to the reader that waits for it.

Its argument is the directory of the reader's socket. It ends when the reader has read.
"""

from __future__ import annotations

import json
import os
import socket
import sys

SOCKET = "handover"


def main() -> None:
    """Hand over, and wait."""
    # A path can be longer than the address of a socket may be.
    os.chdir(sys.argv[-1])
    # The token has served its purpose.
    environment = {name: value for name, value in os.environ.items() if name != "JMP_TOKEN"}
    with socket.socket(socket.AF_UNIX) as reader:
        try:
            reader.connect(SOCKET)
        except (ConnectionRefusedError, FileNotFoundError):
            raise SystemExit("the connection broke, and jmp began to read again, which is not done twice") from None
        reader.sendall(json.dumps(environment).encode() + b"\n")
        reader.recv(1)


if __name__ == "__main__":
    main()
