# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside ``jmp shell``: each command, its own output and exit code, up to the first that fails.

``jmp shell`` itself is not to be asked: for a local exporter it ends with 0 whatever happened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

MAX_OUTPUT = 1024 * 1024


def main() -> None:
    """Read ``commands.json`` in the directory given, write ``results.json`` there after each command."""
    directory = sys.argv[1]
    with open(os.path.join(directory, "commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    results = []
    for command in commands:
        done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        results.append(
            {
                "command": command,
                "rc": done.returncode,
                "stdout": done.stdout[:MAX_OUTPUT].decode("utf-8", "replace"),
                "stderr": done.stderr[:MAX_OUTPUT].decode("utf-8", "replace"),
            }
        )
        partial = os.path.join(directory, "results.part")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(results, file)
        os.replace(partial, os.path.join(directory, "results.json"))
        if done.returncode:
            break


if __name__ == "__main__":
    main()
