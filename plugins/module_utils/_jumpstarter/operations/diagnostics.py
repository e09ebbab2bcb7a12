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
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.ecu_options import check_ecu, refuse_twice
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.account import account_of, vins_told

Values = dict[str, t.Any]


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


def _number(value: t.Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _say(names: list[str]) -> str:
    return "says" if len(names) == 1 else "say"
