# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble codes as people write them, `U0123-00`, and as UDS carries them, in three bytes (ISO 15031-6)."""

from __future__ import annotations

import re

_SYSTEMS = "PCBU"
_TEXT = re.compile(r"([PCBU])([0-3])([0-9A-F]{3})-([0-9A-F]{2})")


def to_bytes(code: str) -> bytes:
    """Raises ValueError when the text is not a trouble code such as U0123-00."""
    found = _TEXT.fullmatch(code)
    if not found:
        raise ValueError(f"{code!r} is not a trouble code such as U0123-00")
    system, first, rest, failure_type = found.groups()
    number = _SYSTEMS.index(system) << 14 | int(first) << 12 | int(rest, 16)
    return number.to_bytes(2, "big") + bytes.fromhex(failure_type)
