# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sanitizer for all that others said and that is shown: a backend, a program, a file."""

from __future__ import annotations

import re

MAX_QUOTED = 300
MAX_READ = 65536
"""So much of a text is looked at for what it says."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def printable(text: str) -> str:
    """Return text on one line, without colours and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in ANSI.sub("", text)).split())


def one_line(text: str, longest: int = MAX_QUOTED) -> str:
    """Return text on one line, shortened to so many characters."""
    words = printable(text[:MAX_READ])
    return words if len(words) <= longest else words[: longest - 3] + "..."
