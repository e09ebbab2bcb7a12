#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_end_check
short_description: Judge the end of a scenario
version_added: 0.1.0
description:
  - Holds what SUMS says of an update and what the vehicle says of itself against the end that a scenario expects, and
    fails with the outcome that the difference makes of the test.
  - A mixture of old and new software is V(FAIL), whatever SUMS says. A disturbance that is not proven makes the test
    V(INVALID), and so does an end that only the vehicle could tell where it was not asked, and an update to software
    that the vehicle had already.

options:
  expect:
    description:
      - V(completed) is success in SUMS and the target on the vehicle. V(refused) is a failure in SUMS, or a request
        that SUMS refused, and a vehicle that is unchanged. V(restored) is a failure in SUMS and the source on the
        vehicle. V(completed_or_restored) is either of V(completed) and V(restored).
    type: str
    required: true
    choices: [completed, refused, restored, completed_or_restored]
  update:
    description: How the deployment ended, as M(hatci.automation.hatci_update_status) returns it.
    type: dict
  refusal:
    description:
      - The failed request that SUMS refused, where there is no deployment.
      - It counts as a refusal of the update only if it was about its event or its deployment, and not because another
        deployment is in the way. Everything else is V(ERROR).
    type: dict
  source_event_id:
    description:
      - Id of the event that describes the vehicle before the update; empty where SUMS had not given it. A refusal of
        that event is no refusal of the update.
      - If left out, every refused event counts as that of the update.
    type: str
  before:
    description: The look before the update, C(record) of M(hatci.automation.hatci_vehicle_check).
    type: dict
  after:
    description: The look after it. Empty if none was taken.
    type: dict
  vin:
    description: Vehicle identification number of the test's vehicle.
    type: str
    default: ""
  source_ecus:
    description: The ECUs of the source event; of the target event, if O(is_way_back).
    type: list
    elements: dict
    required: true
    suboptions: &ecu
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
  target_ecus:
    description: The ECUs of the target event; of the source event, if O(is_way_back).
    type: list
    elements: dict
    required: true
    suboptions: *ecu
  is_way_back:
    description: Whether the update was one from the target to the source software, so that the sentences say so.
    type: bool
    default: false
  must_change:
    description: Whether an update to the software that the vehicle had already makes the test V(INVALID).
    type: bool
    default: true
  disturbances:
    description: What disturbed the update, each with C(name), C(proven) and C(problem).
    type: list
    elements: dict
    default: []
  planned_disturbances:
    description: How many disturbances the scenario has. If fewer came, the test is V(INVALID).
    type: int
    default: 0
  checks:
    description: With V(codes), an update that succeeded may leave no new confirmed trouble code.
    type: list
    elements: str
    choices: [identity, source, target, codes]
    default: []
  allowed_codes:
    description: Trouble codes that may come with an update.
    type: list
    elements: str
    default: []

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
  - module: hatci.automation.hatci_vehicle_check
  - module: hatci.automation.jumpstarter_disturbance
"""

EXAMPLES = r"""
- name: The vehicle must have either its old or its new software
  hatci.automation.hatci_end_check:
    expect: completed_or_restored
    update: "{{ deployment }}" # what hatci_update_status has registered
    before: "{{ look_before.record }}"
    after: "{{ look_after.record }}"
    source_ecus: "{{ hatci_source_ecus }}"
    target_ecus: "{{ hatci_target_ecus }}"
"""

RETURN = r"""
end_outcome:
  description: What the end makes of the test, V(PASS), V(FAIL), V(TIMEOUT), V(ERROR) or V(INVALID).
  returned: always
  type: str
  sample: PASS
summary:
  description: Why.
  returned: always
  type: str
  sample: The vehicle is back on the source software. Deployment deploy-000001 ended FAILED.
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import COMPARED_ECUS, TEXT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.ends import ENDS, check_end
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import CHECKS

ARGUMENTS = {
    "argument_spec": {
        "expect": {"type": "str", "required": True, "choices": list(ENDS)},
        "update": {"type": "dict"},
        "refusal": {"type": "dict"},
        "source_event_id": {"type": "str"},
        "before": {"type": "dict"},
        "after": {"type": "dict"},
        "vin": {"type": TEXT, "default": ""},
        "source_ecus": COMPARED_ECUS,
        "target_ecus": COMPARED_ECUS,
        "is_way_back": {"type": "bool", "default": False},
        "must_change": {"type": "bool", "default": True},
        "disturbances": {"type": "list", "elements": "dict", "default": []},
        "planned_disturbances": {"type": "int", "default": 0},
        "checks": {"type": "list", "elements": "str", "choices": list(CHECKS), "default": []},
        "allowed_codes": {"type": "list", "elements": TEXT, "default": []},
    },
    "supports_check_mode": True,
}
OPERATION = check_end


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
