#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_disturbance
short_description: Disturb a device for a while
version_added: 0.1.0
description:
  - Disturbs what runs on a leased device, such as by cutting its power, proves that it is disturbed, and undoes it.
  - Before anything is done, the keeper of the lease is told how to undo it. If the play dies or hangs, or gives the
    device back meanwhile, the keeper undoes it before the device is given back.
  - The role C(hatci.automation.hatci_ota_test) does all of it by C(ota_scenario).
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: The device is left alone.
  diff_mode:
    support: none
  idempotent:
    support: none
options:
  state:
    description:
      - V(prepared) starts C(jmp) for the O(commands) of a later task with O(state=begun), which then begins them at
        once. It takes about 200 MB until then, and ends with the lease, with the play and with O(state=undone).
      - V(begun) has the keeper know O(undo) and runs O(commands). V(proven) looks whether the device is disturbed.
        V(undone) runs O(undo) and has the keeper forget it. V(awaited) waits for O(until) only.
    type: str
    choices: [awaited, prepared, begun, proven, undone]
    required: true
  exporter:
    description: Name of the exporter that the lease must lead to.
    type: str
  lease_name:
    description:
      - Lease that leads to the device. With an action plugin (the usual way) it falls back to the fact
        C(current_lease_name).
    type: str
  id:
    description: Name of the disturbance, RV(id) of the task that began it.
    type: str
  commands:
    description:
      - Shell commands, in which C(j) drives the device. With O(state=begun) those that disturb; none of them if
        something else is going to disturb it. With O(proof=commands) those that prove it by exit code 0.
    type: list
    elements: str
  undo:
    description:
      - Shell commands that undo it, such as C(j power on). Each of them is run, also after one that fails.
    type: list
    elements: str
  until:
    description: Time to wait for first, in seconds since 1970.
    type: float
  lasts:
    description: Seconds that the disturbance lasts. Longer than that nothing is waited for, be it to be proven, or for
      O(until) of a clock that was set back meanwhile.
    type: float
    default: 0
  proof:
    description:
      - With O(state=proven) what proves it. V(unreachable) that none of O(ecus) answers, V(power) that the power
        driver reads no voltage, V(commands) that O(commands) succeed. V(none) needs no proof.
      - With O(state=undone) and V(commands), O(commands) have to fail once it is undone, else the task fails.
    type: str
    choices: [unreachable, power, commands, none]
    default: none
  ecus:
    description: The ECUs to ask with O(proof=unreachable), as M(hatci.automation.jumpstarter_diagnostics) takes them.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the ECU, as SUMS has it in C(ecu_name).
        type: str
        required: true
      driver:
        description: Driver of the exporter that leads to the ECU.
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
        description: Data identifier of the software version.
        type: str
        default: "0xF189"
  timeout:
    description: Seconds that one start of C(jmp) may take, with all its commands.
    type: float
    default: 120
seealso:
  - module: hatci.automation.jumpstarter_lease
  - module: hatci.automation.jumpstarter_power
  - module: hatci.automation.jumpstarter_diagnostics
"""

EXAMPLES = r"""
- name: Cut the power for 20 seconds
  block:
    - name: Cut
      hatci.automation.jumpstarter_disturbance:
        state: begun
        commands: [j power off]
        undo: [j power on]
        lasts: 20
      register: cut

    - name: Prove that it is off
      hatci.automation.jumpstarter_disturbance:
        state: proven
        proof: power
        lasts: 20
  always:
    - name: Switch it on again
      hatci.automation.jumpstarter_disturbance:
        state: undone
        id: "{{ cut.id }}"
        undo: [j power on]
        until: "{{ cut.began + 20 }}"
"""

RETURN = r"""
id:
  description: Name of the disturbance.
  returned: with O(state=begun)
  type: str
  sample: disturbance-1f3870be
began:
  description: When it began, in seconds since 1970.
  returned: with O(state=begun)
  type: float
  sample: 1764106560.5
done:
  description: When O(commands) had ended.
  returned: with O(state=begun) and O(commands)
  type: float
  sample: 1764106562.1
acted:
  description: Whether every command succeeded.
  returned: with O(state=begun)
  type: bool
  sample: true
proven:
  description: Whether it is proven.
  returned: with O(state=proven)
  type: bool
  sample: true
measured:
  description: What was seen.
  returned: with O(state=proven)
  type: str
  sample: 0 of 2 ECUs answered
took:
  description: Seconds that the look took which proved it, or the last one.
  returned: with O(state=proven)
  type: float
  sample: 2.4
problem:
  description: Why a command failed, or why it is not proven; empty otherwise.
  returned: with O(state=begun) and O(state=proven)
  type: str
  sample: ""
ended:
  description: When it was undone, in seconds since 1970.
  returned: with O(state=undone)
  type: float
  sample: 1764106582.7
results:
  description: Of each command that ran the C(command), its C(rc), C(stdout) and C(stderr).
  returned: where commands ran; with O(state=proven) those of the last try
  type: list
  elements: dict
  sample: [{command: j power off, rc: 0, stdout: "", stderr: ""}]
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.disturbance import (
    PROOFS,
    disturb,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import (
    ECU_ARGUMENTS,
    jumpstarter_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = jumpstarter_arguments(
    {
        "state": {"type": "str", "choices": ["awaited", "prepared", "begun", "proven", "undone"], "required": True},
        "exporter": {"type": "str"},
        "lease_name": {"type": "str"},
        "id": {"type": "str"},
        "commands": {"type": "list", "elements": "str"},
        "undo": {"type": "list", "elements": "str"},
        "until": {"type": "float"},
        "lasts": {"type": "float", "default": 0.0},
        "proof": {"type": "str", "choices": list(PROOFS), "default": "none"},
        "ecus": {
            "type": "list",
            "elements": "dict",
            "options": ECU_ARGUMENTS,
        },
        "timeout": {"type": "float", "default": 120.0},
    },
)
OPERATION = disturb


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
