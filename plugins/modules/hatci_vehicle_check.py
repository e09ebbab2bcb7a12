#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_vehicle_check
short_description: Judge what a vehicle says
version_added: 0.1.0
description:
  - Holds what M(hatci.automation.jumpstarter_diagnostics) read against what a test expects, and fails with the
    outcome that
    the difference makes of the test.
  - Another vehicle than the test's is V(ERROR). Other software before the update is V(INVALID), since the test
    would prove
    nothing. Other software after it, or a new confirmed trouble code, is V(FAIL). What is not known is no success.

options:
  moment:
    description: Whether the look was taken before the update or after it.
    type: str
    required: true
    choices: [before, after]
  seen:
    description: The look, as M(hatci.automation.jumpstarter_diagnostics) returns it.
    type: dict
    required: true
  before:
    description: The look before the update, to tell which trouble codes are new.
    type: dict
  vin:
    description: Vehicle identification number of the test's vehicle.
    type: str
    required: true
  ecus:
    description: The software that the vehicle should have at that moment, as in SUMS.
    type: list
    elements: dict
    required: true
    suboptions:
      ecu_name:
        description: Name of the ECU.
        type: str
        required: true
      part_number:
        description: Part number of the ECU. This or the software version must be given.
        type: str
      sw_version:
        description: Software version on the ECU.
        type: str
  checks:
    description:
      - What counts. V(source) does before the update, V(target) after it.
    type: list
    elements: str
    choices: [identity, source, target, codes]
    default: [identity, source, target, codes]
  allowed_codes:
    description: Trouble codes that may come with an update, such as V(U0123-00), or V(U0123) for any failure type.
    type: list
    elements: str
    default: []
  exporter:
    description: Name of the exporter, for the message.
    type: str
    default: ""

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
    details: Judges nothing, since nothing was read.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: hatci.automation.jumpstarter_diagnostics
"""

EXAMPLES = r"""
- name: It must be the right vehicle, on the source software
  hatci.automation.hatci_vehicle_check:
    moment: before
    seen: "{{ vehicle }}" # what jumpstarter_diagnostics has registered
    vin: "{{ hatci_vin }}"
    ecus: "{{ hatci_source_ecus }}"
"""

RETURN = r"""
record:
  description: What is worth keeping of the look.
  returned: always
  type: dict
  sample: {vin: 1HGBH41JXMN109186, taken_at: "2026-03-01T12:00:00Z", voltage: 12.6, ecus: []}
table:
  description: The look as lines, with what has changed since the look before.
  returned: always
  type: list
  elements: str
  sample: ["ECU      part number  software        trouble codes", "Gateway  GW-2024-001  1.0.0 -> 2.0.0  none"]
differences:
  description: How the software differs from O(ecus), one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["Gateway: its software is 1.0.0 instead of 2.0.0"]
new_codes:
  description: Confirmed trouble codes that were not there before.
  returned: failure by trouble codes
  type: list
  elements: dict
  sample: [{name: Gateway, code: U0123-00, status: 47}]
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import COMPARED_ECUS, TEXT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import CHECKS, MOMENTS, check_vehicle

ARGUMENTS = {
    "argument_spec": {
        "moment": {"type": "str", "required": True, "choices": list(MOMENTS)},
        "seen": {"type": "dict", "required": True},
        "before": {"type": "dict"},
        "vin": {"type": TEXT, "required": True},
        "ecus": COMPARED_ECUS,
        "checks": {"type": "list", "elements": "str", "choices": list(CHECKS), "default": list(CHECKS)},
        "allowed_codes": {"type": "list", "elements": TEXT, "default": []},
        "exporter": {"type": "str", "default": ""},
    },
    "supports_check_mode": True,
}
OPERATION = check_vehicle


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
