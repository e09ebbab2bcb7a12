# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a script of Python once a byte comes on its standard input; what the script imports is loaded before.

It runs by the Python of ``j``, whose imports take most of its time. Its arguments are the script and the script's own.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import runpy
import sys

IMPORT = re.compile(r"^from ([\w.]+) import ", re.MULTILINE)
"""How the script of an installed program names its own package."""


def main() -> None:
    """Load, wait, and run."""
    script = sys.argv[1]
    with open(script, encoding="utf-8") as file:
        found = IMPORT.search(file.read())
    # What cannot be loaded is told by the script itself.
    with contextlib.suppress(Exception):
        importlib.import_module(found[1] if found else "")
    if not os.read(0, 1):
        raise SystemExit("the command is not wanted any more")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
