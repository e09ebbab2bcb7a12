# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and print, as JSON, what it and all that it started cost: also processes that it left behind."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main(command: list[str]) -> None:
    """Wait for the command, then for every process that outlives it; each comes back to this process."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    cost = {"cpu": 0.0}
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cost["cpu"] += usage.ru_utime + usage.ru_stime
        if pid == process.pid:
            cost |= {"returncode": os.waitstatus_to_exitcode(status), "wall": time.monotonic() - began}
    process.returncode = 0
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1:])
