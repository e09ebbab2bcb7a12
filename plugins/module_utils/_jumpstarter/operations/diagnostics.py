# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_diagnostics."""

from __future__ import annotations

import math
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.diagnostics import read_ecus
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import account_of, vins_told

Values = dict[str, t.Any]

VIN_DID, SERIAL_DID = 0xF190, 0xF18C
LONGEST_NAME = 100
HIGHEST = 0xFFFF


def read_vehicle(options: t.Mapping[str, t.Any], check_mode: bool) -> Values:
    """Read what the ECUs of a vehicle say of themselves.

    :returns: ``changed``, ``vin``, ``ecus``, ``taken_at`` and ``voltage``.
    :raises VinsDiffer: ECUs tell different VINs.
    """
    ecus = [check_ecu(ecu) for ecu in options["ecus"]]
    refuse_twice([ecu["name"] for ecu in ecus])
    if check_mode:
        return {"changed": options["clear_codes"], "vin": None, "ecus": [], "taken_at": None, "voltage": None}
    request = {"ecus": ecus, "read_codes": options["read_codes"], "clear_codes": options["clear_codes"]}
    results = read_ecus(options, request)
    answers = results["answers"]
    accounts = [account_of(ecu["name"], ecu["dids"], answers.get(ecu["name"])) for ecu in ecus]
    account: Values = {
        "ecus": accounts,
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "voltage": _number(results.get("voltage")),
    }
    told = vins_told(accounts)
    if len(told) > 1:
        said = "; ".join(f"{vin} is what {', '.join(names)} {_say(names)}" for vin, names in told.items())
        raise errors.VinsDiffer(
            f"The ECUs do not agree on the VIN: {said}. Was an ECU taken from another vehicle, or does a driver of the "
            "exporter lead to one?",
            **account,
        )
    return {"changed": options["clear_codes"], "vin": next(iter(told), None), **account}


def check_ecu(ecu: t.Mapping[str, t.Any]) -> Values:
    """Return an ECU as the reader takes it.

    :raises InputError: it has no name or driver, or a number that is none.
    """
    name, driver = ecu["name"], ecu["driver"]
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise errors.InputError(f"An ECU is called {name[:60]!r}; give a name of 1 to {LONGEST_NAME} characters.")
    if not driver.strip() or len(driver) > LONGEST_NAME or not driver.isprintable():
        raise errors.InputError(f"The driver of {name} is {driver[:60]!r}; give its name in the exporter.")
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


def _number_of(text: str, option: str) -> int:
    """Return a number of two bytes that is written in decimal, or in hex as 0xF189."""
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= HIGHEST:
        raise errors.InputError(f"{option} is {text[:60]!r}; give a number such as 0xF189, at most 0xFFFF.")
    return number


def refuse_twice(names: t.Sequence[str]) -> None:
    """Make sure that there are ECUs, each of them once.

    :raises InputError: there are none, or one is there twice.
    """
    if not names:
        raise errors.InputError("ecus is empty; give the ECUs to be read.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise errors.InputError(f"ecus has {twice} twice; give each ECU once.")


def _number(value: t.Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _say(names: list[str]) -> str:
    return "says" if len(names) == 1 else "say"
