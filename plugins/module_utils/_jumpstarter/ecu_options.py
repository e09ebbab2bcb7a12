# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking the ECUs that are to be read, which a test does before it loads what reads them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError

VIN_DID, SERIAL_DID = 0xF190, 0xF18C
LONGEST_NAME = 100
HIGHEST = 0xFFFF


def check_ecu(ecu: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return an ECU as the reader takes it.

    :raises InputError: it has no name or driver, or a number that is none.
    """
    name, driver = ecu["name"], ecu["driver"]
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"An ECU is called {name[:60]!r}; give a name of 1 to {LONGEST_NAME} characters.")
    if not driver.strip() or len(driver) > LONGEST_NAME or not driver.isprintable():
        raise InputError(f"The driver of {name} is {driver[:60]!r}; give its name in the exporter.")
    address = ecu["logical_address"]
    return {
        "name": name,
        "driver": driver,
        "logical_address": None if address is None else _number_of(address, f"logical_address of {name}"),
        "dids": {
            "vin": VIN_DID,
            "part_number": _number_of(ecu["part_number_did"], f"part_number_did of {name}"),
            "sw_version": _number_of(ecu["sw_version_did"], f"sw_version_did of {name}"),
            "serial": SERIAL_DID,
        },
    }


def refuse_twice(names: t.Sequence[str]) -> None:
    """Make sure that there are ECUs, each of them once.

    :raises InputError: there are none, or one is there twice.
    """
    if not names:
        raise InputError("ecus is empty; give the ECUs to be read.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"ecus has {twice} twice; give each ECU once.")


def _number_of(text: str, option: str) -> int:
    """Return a number of two bytes that is written in decimal, or in hex as 0xF189."""
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= HIGHEST:
        raise InputError(f"{option} is {text[:60]!r}; give a number such as 0xF189, at most 0xFFFF.")
    return number
