#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_diagnostics
short_description: Read the ECUs of a vehicle
version_added: 0.1.0
description:
  - Reads VIN, part number, software version, serial number and trouble codes of each ECU by UDS (ISO 14229), through a
    lease or a local exporter. All of them are read side by side in one start of C(jmp).
  - An ECU that cannot be read does not fail the task. It has V(reachable=false) and an RV(ecus[].error) that says why.
  - The task fails if the exporter cannot be reached, or if ECUs tell different VINs.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.jumpstarter.device
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: Nothing is read, and RV(ecus) is empty.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: Reading changes nothing. O(clear_codes) is a change each time.
options:
  ecus:
    description: The ECUs to read, and by which drivers of the exporter.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the ECU, as SUMS has it in C(ecu_name).
        type: str
        required: true
      driver:
        description:
          - Driver of the exporter that leads to the ECU; C(a.b) for driver C(b) inside C(a).
          - With C(TcpNetwork) it leads to the DoIP port (ISO 13400) of the ECU or of the gateway before it, and UDS is
            spoken on this side. This survives resets of the ECU.
          - With C(UdsDoip) or C(UdsCan) the exporter speaks to the ECU.
          - ECUs with the same driver are read one after the other.
        type: str
        required: true
      logical_address:
        description: DoIP address of the ECU, such as V(224) or V(0xE0). Needed with a C(TcpNetwork) driver.
        type: str
      part_number_did:
        description: Data identifier of the part number.
        type: str
        default: "0xF187"
      sw_version_did:
        description: Data identifier of the software version. Some ECUs keep it in C(0xF195) or C(0xF188).
        type: str
        default: "0xF189"
  read_codes:
    description: Read the trouble codes too.
    type: bool
    default: true
  clear_codes:
    description: Clear all trouble codes, after they were read.
    type: bool
    default: false
  settle_timeout:
    description:
      - Seconds to wait until every ECU answers. Each one that does not, or refuses as one does that is not ready yet
        (0x21, 0x22, 0x7E, 0x7F, 0x92, 0x93), is tried again until then.
      - It is added to O(timeout).
    type: float
    default: 0
  timeout:
    description:
      - Seconds that all of it may take, start of C(jmp) included.
      - An ECU that was not read until then is unreachable.
    type: float
    default: 120
requirements:
  - jumpstarter-driver-network, doipclient and udsoncan in the Python of C(jmp), for C(TcpNetwork) drivers
  - jumpstarter-driver-uds there, for C(UdsDoip) and C(UdsCan) drivers
seealso:
  - module: hatci.automation.jumpstarter_lease
  - module: hatci.automation.jumpstarter_shell
"""

EXAMPLES = r"""
- name: Look at the vehicle
  hatci.automation.jumpstarter_diagnostics:
    exporter: vehicle_001
    ecus:
      - name: Gateway
        driver: gateway
        logical_address: 0xE0
      - name: Telematics
        driver: telematics
        logical_address: 0xE1
        sw_version_did: 0xF195
  register: vehicle

- name: Wait until its ECUs answer after the update
  hatci.automation.jumpstarter_diagnostics:
    exporter: vehicle_001
    ecus: "{{ ota_vehicle_ecus }}"
    settle_timeout: 120
"""

RETURN = r"""
vin:
  description: The VIN that all ECUs tell that know it. It is null if none does.
  returned: success
  type: str
  sample: 1HGBH41JXMN109186
ecus:
  description: What each ECU says, in the order of O(ecus). What is not known is null.
  returned: always, if the exporter was reached
  type: list
  elements: dict
  contains:
    name:
      description: Name of the ECU.
      type: str
      returned: always
      sample: Gateway
    reachable:
      description: Whether it answered every request, even if with a refusal.
      type: bool
      returned: always
      sample: true
    part_number:
      description: Its part number. Bytes that are not text are shown as hex, such as V(0x0102).
      type: str
      returned: always
      sample: GW-2024-001
    sw_version:
      description: Its software version.
      type: str
      returned: always
      sample: 2.0.0
    serial:
      description: Its serial number (F18C).
      type: str
      returned: always
      sample: GATEWAY-0001
    vin:
      description: Its VIN (F190).
      type: str
      returned: always
      sample: 1HGBH41JXMN109186
    codes:
      description: Its trouble codes, confirmed ones first, at most 500. It is null if they could not be read.
      type: list
      elements: dict
      returned: always
      contains:
        code:
          description: The code, with its failure type.
          type: str
          returned: always
          sample: U0123-00
        status:
          description: Its status byte (ISO 14229-1).
          type: int
          returned: always
          sample: 47
        confirmed:
          description: Whether it is confirmed, which is bit 3 of the status.
          type: bool
          returned: always
          sample: true
    codes_doubt:
      description: Why it may have other trouble codes than RV(ecus[].codes), so that they prove nothing.
      type: str
      returned: by a UDS driver of the exporter that gave no codes
      sample: its driver gave no trouble codes, which it also does when the ECU refuses to tell them
    error:
      description: Why it is not reachable, or why something is null.
      type: str
      returned: always
      sample: "requestOutOfRange (0x31): it has no DID F189"
taken_at:
  description: When it was read, in UTC.
  returned: always, if the exporter was reached
  type: str
  sample: "2026-03-01T12:00:00Z"
voltage:
  description: Supply voltage that the power driver of the exporter tells. It is null if none does.
  returned: always, if the exporter was reached
  type: float
  sample: 12.6
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.diagnostics import read_vehicle
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import (
    ECU_ARGUMENTS,
    device_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = device_arguments(
    {
        "ecus": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": ECU_ARGUMENTS,
        },
        "read_codes": {"type": "bool", "default": True},
        "clear_codes": {"type": "bool", "default": False},
        "settle_timeout": {"type": "float", "default": 0.0},
        "timeout": {"type": "float", "default": 120.0},
    },
)
OPERATION = read_vehicle


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
