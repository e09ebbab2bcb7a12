# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: console_look
short_description: What a vehicle says of its ECUs on its console
description:
  - Reads the lines C(ECU name part=... sw=...), and C(VIN ...) if there is one, of a console and returns what
    M(hatci.automation.jumpstarter_diagnostics)
    would return, as far as the console tells it.
  - An ECU of which two lines say different things is not known, since one of them may be left from an earlier read.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: Output of the console.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: It must have the target software
  hatci.automation.hatci_vehicle_check:
    moment: after
    seen: "{{ console.results[-1].stdout | hatci.automation.console_look }}"
    vin: "{{ hatci_vin }}"
    ecus: "{{ hatci_target_ecus }}"
    checks: [target]
"""

RETURN = r"""
_value:
  description: The look.
  type: dict
  sample: {vin: null, voltage: null, taken_at: "2026-03-01T12:00:00Z", ecus: []}
"""

import datetime
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.console import parse_console, vin_told


def console_look(text: t.Any) -> dict[str, t.Any]:
    """Return what a console says of ECUs."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"vin": vin_told(str(text)), "voltage": None, "taken_at": now, "ecus": parse_console(str(text))}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"console_look": console_look}
