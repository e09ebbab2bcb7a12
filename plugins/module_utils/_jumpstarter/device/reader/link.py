# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both ways of asking an ECU have in common: how a reading looks, and why an ECU cannot be read."""

from __future__ import annotations

import typing as t

Reading = dict[str, t.Any]
"""``{"hex": BYTES}``, ``{"refusal": [CODE, NAME]}`` or ``{"odd": WORDS}``, ready for JSON."""

MAX_WORDS = 300


class NotRead(Exception):
    """An ECU cannot be read, which another try may change.

    :param words: a sentence that begins with "it", without its full stop.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words[:MAX_WORDS]


class NeverRead(NotRead):
    """An ECU cannot be read, and no other try will change that."""


class LibraryMissing(Exception):
    """A package is missing in the Python of ``jmp``.

    :param package: its name on PyPI.
    """

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self.package = package


class Link(t.Protocol):
    """A way to one ECU. Each method raises NotRead when the ECU says nothing that can be used."""

    def read(self, did: int) -> Reading:
        """Read a data identifier."""

    def read_codes(self) -> Reading:
        """Read the trouble codes: the report's kind, the availability mask, and four bytes for each code."""

    def clear_codes(self) -> Reading:
        """Clear all trouble codes."""
