# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble codes as people write them: the letters of ISO 15031-6, three bytes of UDS (ISO 14229-1), a status byte."""

from __future__ import annotations

import typing as t

SYSTEMS = "PCBU"
"""Powertrain, chassis, body, network: what the two highest bits of a code say."""

CONFIRMED = 0x08
"""Bit of the status byte: the fault was there long enough to be stored."""

RECORD_BYTES = 4
"""Of a code and its status; fewer zeros at the end are padding, and so is a code of zeros."""


class Code(t.TypedDict):
    """One trouble code of an ECU; `status` is its status byte."""

    code: str
    status: int
    confirmed: bool


def code_text(code: bytes) -> str:
    """Return the three bytes of a code as text, such as ``U0123-00``."""
    return f"{SYSTEMS[code[0] >> 6]}{code[0] >> 4 & 3}{code[0] & 15:X}{code[1]:02X}-{code[2]:02X}"


def parse_codes(report: bytes) -> list[Code]:
    """Return the codes of a report by status mask, confirmed ones first.

    :param report: what follows the service in the answer to ``19 02``: the report's kind, the availability mask, and
        four bytes for each code.
    :raises ValueError: it is something else, or its ECU does not say which of its codes are confirmed.
    """
    if len(report) < 2 or report[0] != 0x02:
        raise ValueError("it is not a report of trouble codes by status mask")
    records = report[2:]
    rest = len(records) % RECORD_BYTES
    if any(records[len(records) - rest :]):
        raise ValueError(f"{len(records)} bytes are not whole trouble codes of {RECORD_BYTES} bytes each")
    found = [records[at : at + RECORD_BYTES] for at in range(0, len(records) - rest, RECORD_BYTES)]
    codes: list[Code] = [
        {"code": code_text(record[:3]), "status": record[3], "confirmed": bool(record[3] & CONFIRMED)}
        for record in found
        if any(record[:3])
    ]
    if not report[1]:
        raise ValueError("it does not say which bits of a status it knows (status availability mask 0x00)")
    if codes and not report[1] & CONFIRMED:
        raise ValueError(
            f"it does not say which of its codes are confirmed (status availability mask 0x{report[1]:02X})"
        )
    return sorted(codes, key=lambda code: (not code["confirmed"], code["code"]))
