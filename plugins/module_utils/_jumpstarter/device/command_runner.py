# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside ``jmp shell``: each command, its own output and exit code, up to the first that fails.

``jmp shell`` itself is not to be asked: for a local exporter it ends with 0 whatever happened, and some versions start
the whole program again when the connection breaks.

Told to wait ``at-gate``, the commands begin only when a byte comes through the named pipe ``gate``.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import typing as t

MAX_OUTPUT = 1024 * 1024
"""So many bytes of each output are kept; what follows is read and dropped."""

STARTED = "started"
"""The file that says that the commands were begun; it is made once."""

AT_GATE, GATE = "at-gate", "gate"
PRELOADED = "preloaded_command.py"
"""The program that has the modules of a command loaded before it is wanted."""

PLAIN = re.compile(r"j( [\w.:/=,+-]+)+")
HEAD = re.compile(r"#!(/\S*python[\d.]*)\s*$")
MAX_HEAD = 1024

PR_SET_CHILD_SUBREAPER = 36

Process = subprocess.Popen[bytes]


def main() -> None:
    """Read ``commands.json`` in the directory given, write ``results.json`` there after each command."""
    directory = sys.argv[-1]
    # It has served its purpose, and no command needs it.
    os.environ.pop("JMP_TOKEN", None)
    # What a command starts stays below this process, where it is found when the device is given back.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(os.path.join(directory, "commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    first = None
    if AT_GATE in sys.argv[1:-1] and not os.path.exists(os.path.join(directory, STARTED)):
        first = preload(commands[0], os.path.join(directory, PRELOADED))
        wait_at_gate(os.path.join(directory, GATE))
    try:
        os.close(os.open(os.path.join(directory, STARTED), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise SystemExit("the connection broke, and jmp began the commands again, which are not run twice") from None
    results = []
    for command in commands:
        results.append(run(command, let_go(first)))
        first = None
        partial = os.path.join(directory, "results.part")
        try:
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(results, file)
            os.replace(partial, os.path.join(directory, "results.json"))
        except OSError as error:
            raise SystemExit(f"the result of a command cannot be written to {directory}: {error.strerror}") from None
        if results[-1]["rc"]:
            break


def wait_at_gate(gate: str) -> None:
    """Return when the commands are wanted; end if they never will be."""
    try:
        with open(gate, "rb") as pipe:
            is_wanted = bool(pipe.read(1))
    except FileNotFoundError:
        is_wanted = False
    if not is_wanted:
        raise SystemExit("the commands are not wanted any more")


def preload(command: str, program: str) -> Process | None:
    """Start the Python of a plain ``j`` command, which takes most of its time; None if that cannot be done."""
    script = shutil.which("j")
    if not script or not PLAIN.fullmatch(command):
        return None
    with open(script, "rb") as file:
        head = HEAD.match(file.readline(MAX_HEAD).decode("utf-8", "replace"))
    if not head:
        return None
    return start([head[1], program, script, *command.split()[1:]], stdin=subprocess.PIPE)


def let_go(process: Process | None) -> Process | None:
    """Let a preloaded command begin; None if it has ended instead."""
    if process is None or process.poll() is not None or process.stdin is None:
        return None
    try:
        with process.stdin as pipe:
            pipe.write(b"1")
    except BrokenPipeError:
        return None
    return process


def start(argv: list[str], stdin: int = subprocess.DEVNULL) -> Process:
    """Start a program whose output is read."""
    return subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(command: str, started: Process | None = None) -> dict[str, t.Any]:
    """Run one command and return its result.

    :param started: its process, if it runs already.
    """
    output = {"stdout": bytearray(), "stderr": bytearray()}
    with (
        started or start(["/bin/sh", "-c", command]) as process,
        selectors.DefaultSelector() as selector,
    ):
        for name in output:
            selector.register(getattr(process, name), selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _events in selector.select():
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                kept = output[key.data]
                kept += chunk[: MAX_OUTPUT - len(kept)]
        process.wait()
    texts = {name: kept.decode("utf-8", "replace") for name, kept in output.items()}
    return {"command": command, "rc": process.returncode, **texts}


if __name__ == "__main__":
    main()
