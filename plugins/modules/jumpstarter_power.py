#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_power
short_description: Switch a device on or off
version_added: 0.1.0
description:
  - Runs C(j power on), C(off) or C(cycle) on a device.
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
    details: The device is left alone.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: The state of the power is not read first.
options:
  state:
    description: What to do.
    type: str
    choices: ["on", "off", cycle]
    required: true
  wait:
    description: Seconds to wait afterwards.
    type: float
    default: 0
  timeout:
    description: Seconds that switching may take.
    type: float
    default: 120
seealso:
  - module: hatci.automation.jumpstarter_lease
  - module: hatci.automation.jumpstarter_shell
"""

EXAMPLES = r"""
- name: Switch the vehicle off and on
  hatci.automation.jumpstarter_power:
    exporter: vehicle_001
    state: cycle
    wait: 5
"""

RETURN = r"""
power:
  description: State that the device was put into.
  returned: success
  type: str
  sample: "on"
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.power import set_power
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import device_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = device_arguments(
    {
        "state": {"type": "str", "choices": ["on", "off", "cycle"], "required": True},
        "wait": {"type": "float", "default": 0.0},
        "timeout": {"type": "float", "default": 120.0},
    },
)
OPERATION = set_power


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
