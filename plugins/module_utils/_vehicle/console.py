# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the lines ``ECU NAME part=NUMBER sw=VERSION`` that a vehicle prints on its console."""

from __future__ import annotations

import re

from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import (
    MAX_TEXT,
    Account,
    shorten,
    unread,
)

LINE = re.compile(r"ECU (?P<name>[^\n]+?) part=(?P<part>\S+) sw=(?P<sw>[^\n]*)")
LINE_OF_VIN = re.compile(r"VIN (?P<vin>[A-Z0-9]{17})")
MAX_ECUS = 200
ENOUGH = 2
"""So many different lines of an ECU contradict each other; more of them say no more."""


def parse_console(text: str) -> list[Account]:
    """Return what a console's output says of ECUs.

    A line ends with a newline only, and one that has not ended says nothing. An ECU of which two lines say different
    things is not known, since one of them is not the answer: it may be left from an earlier read.
    """
    told: dict[str, list[tuple[str, str]]] = {}
    for line in text.split("\n")[:-1]:
        found = LINE.fullmatch(line.removesuffix("\r"))
        if found and (found["name"] in told or len(told) < MAX_ECUS):
            said = told.setdefault(found["name"], [])
            if (found["part"], found["sw"]) not in said and len(said) < ENOUGH:
                said.append((found["part"], found["sw"]))
    return [_account(name, said) for name, said in told.items()]


def vin_told(text: str) -> str | None:
    """Return the VIN that a console's output tells in a line of its own; None if there is none, or more than one."""
    lines = [line.removesuffix("\r") for line in text.split("\n")[:-1]]
    told = {found["vin"] for found in map(LINE_OF_VIN.fullmatch, lines) if found}
    return told.pop() if len(told) == 1 else None


def _account(name: str, said: list[tuple[str, str]]) -> Account:
    account: Account = {**unread(shorten(sentence(name), MAX_TEXT), None), "reachable": True, "error": None}
    if len(said) > 1:
        both = " and ".join(shorten(f"part={part} sw={version}", MAX_TEXT) for part, version in said)
        account["error"] = sentence(f"the console says both {both}")
    else:
        account["part_number"], account["sw_version"] = (shorten(value, MAX_TEXT) for value in said[0])
    return account
