# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that ``jmp`` runs with, which has Jumpstarter's packages, whatever runs this collection."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import sys

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JmpMissing

LONGEST_HEAD = 1024
HEAD = re.compile(
    r"#!\s*(?:/\S*/env\s+(?:-S\s+)?(?P<found>python[\d.]*)|(?P<path>/\S*python[\d.]*))(?:\s.*)?$"
    r"|#!/bin/sh\n'''exec' (?P<quote>\"?)(?P<long>/.*?python[\d.]*)(?P=quote) ",
    re.MULTILINE,
)
"""How the script of an installed program begins; pip writes the last form where the path is long or has a space."""


def python_of(jmp: str) -> str:
    """Return the Python that ``jmp`` names in its first line, else this one if it has Jumpstarter's packages.

    :param jmp: path of the program.
    :raises JmpMissing: neither is known to have them.
    """
    head = None
    with contextlib.suppress(OSError), open(jmp, "rb") as file:
        head = HEAD.match(file.read(LONGEST_HEAD).decode("utf-8", "replace"))
    if head:
        named = head["path"] or head["long"] or shutil.which(head["found"])
        if named and os.access(named, os.X_OK):
            return str(named)
    if importlib.util.find_spec("jumpstarter"):
        return sys.executable
    raise JmpMissing(
        f"Which Python {jmp} runs with cannot be told from its first line, and {sys.executable} does not have the "
        "package jumpstarter; install jumpstarter-cli there, or put the jmp that pip installed first on PATH."
    )
