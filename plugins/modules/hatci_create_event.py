#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_create_event
short_description: Create an OTA update event in SUMS
version_added: 0.1.0
description:
  - Creates the source (C(RROM)) or the target (C(UROM)) event of an over-the-air update.
  - If the answer of SUMS is lost, the event is not sent again, since that could make a second one. The task
    fails, says that the outcome is unknown and what to look for.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Nothing is sent.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run creates an event.
options:
  tester_name:
    description: Who tests.
    type: str
    required: true
  program_name:
    description: Vehicle program.
    type: str
    required: true
  model_year:
    description: Model year of the vehicle, such as V(2024).
    type: str
    required: true
  vin:
    description: Vehicle identification number.
    type: str
    required: true
  update_type:
    description:
      - V(RROM) for the source event, which says what the vehicle has.
      - V(UROM) for the target event, which says what it shall get.
    type: str
    required: true
    choices: [RROM, UROM]
  region:
    description: Region of the vehicle, such as V(US).
    type: str
    required: true
  region_spec:
    description: Finer region, where the program has one.
    type: str
  build_level:
    description: Build level of the software.
    type: str
    required: true
  remark:
    description: Free text kept with the event.
    type: str
  ecus:
    description: The electronic control units (ECUs) and their software; at least one.
    type: list
    elements: dict
    required: true
    suboptions:
      ecu_name:
        description: Name of the ECU.
        type: str
        required: true
      part_number:
        description: Part number of the ECU.
        type: str
        required: true
      sw_version:
        description: Software version on the ECU.
        type: str
        required: true
seealso:
  - module: hatci.automation.hatci_fix_event
  - module: hatci.automation.hatci_deploy_event
"""

EXAMPLES = r"""
- name: Create the target event
  hatci.automation.hatci_create_event:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    tester_name: "automation_runner"
    program_name: "OTA_Test_Program"
    model_year: "2024"
    vin: "1HGBH41JXMN109186"
    update_type: UROM
    region: "US"
    build_level: "2024.02.01"
    ecus:
      - ecu_name: "Gateway"
        part_number: "GW-2024-001"
        sw_version: "2.0.0"
  register: target
"""

RETURN = r"""
event_id:
  description: Id of the event in SUMS. In check mode a placeholder that the other modules understand in check mode.
  returned: success
  type: str
  sample: ev-000001
event:
  description: The event as SUMS answered it; in check mode what would be sent.
  returned: success
  type: dict
  sample: {event_id: ev-000001, state: CREATED, vin: 1HGBH41JXMN109186}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.events import create_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation

ARGUMENTS = sums_arguments(
    {
        "tester_name": {"type": TEXT, "required": True},
        "program_name": {"type": TEXT, "required": True},
        "model_year": {"type": TEXT_OR_INT, "required": True},
        "vin": {"type": TEXT, "required": True},
        "update_type": {"type": "str", "required": True, "choices": ["RROM", "UROM"]},
        "region": {"type": TEXT, "required": True},
        "region_spec": {"type": TEXT},
        "build_level": {"type": TEXT, "required": True},
        "remark": {"type": TEXT},
        "ecus": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "ecu_name": {"type": TEXT, "required": True},
                "part_number": {"type": TEXT, "required": True},
                "sw_version": {"type": TEXT, "required": True},
            },
        },
    },
)
OPERATION = create_event


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
