#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_shell
short_description: Run commands on a device
version_added: 0.1.0
description:
  - Runs shell commands in which C(j) drives the device, such as C(j serial read --timeout 5).
  - The first command that fails fails the task, and those after it are not run.
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
    details: No command is run.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run runs the commands.
options:
  command:
    description: One command. Either this or O(commands) is needed.
    type: str
  commands:
    description: Commands to run one after the other.
    type: list
    elements: str
  timeout:
    description: Seconds that all of them together may take. What runs longer is ended, with all it started.
    type: float
    default: 600
  check_rc:
    description: Fail when a command fails.
    type: bool
    default: true
seealso:
  - module: hatci.automation.jumpstarter_lease
  - module: hatci.automation.jumpstarter_power
"""

EXAMPLES = r"""
- name: Ask the vehicle for its software versions
  hatci.automation.jumpstarter_shell:
    exporter: vehicle_001
    commands:
      - j serial send check_version
      - j serial read --timeout 10
  register: versions
"""

RETURN = r"""
results:
  description: The commands that ran.
  returned: always, if the device was reached
  type: list
  elements: dict
  contains:
    command:
      description: The command.
      type: str
      returned: always
      sample: j serial read --timeout 10
    rc:
      description: Its exit code.
      type: int
      returned: always
      sample: 0
    stdout:
      description: What it printed.
      type: str
      returned: always
      sample: ECU Gateway part=GW-2024-001 sw=2.0.0
    stderr:
      description: What it printed as errors.
      type: str
      returned: always
      sample: ""
rc:
  description: Exit code of the last command that ran.
  returned: success, or failure of a command
  type: int
  sample: 0
stdout:
  description: What all commands printed.
  returned: success, or failure of a command
  type: str
  sample: ECU Gateway part=GW-2024-001 sw=2.0.0
stdout_lines:
  description: RV(stdout) as lines.
  returned: success, or failure of a command
  type: list
  elements: str
  sample: [ECU Gateway part=GW-2024-001 sw=2.0.0]
stderr:
  description: What all commands printed as errors.
  returned: success, or failure of a command
  type: str
  sample: ""
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.shell import run_commands
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import device_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = device_arguments(
    {
        "command": {"type": "str"},
        "commands": {"type": "list", "elements": "str"},
        "timeout": {"type": "float", "default": 600.0},
        "check_rc": {"type": "bool", "default": True},
    },
    required_one_of=[("command", "commands")],
    mutually_exclusive=[("command", "commands")],
)
OPERATION = run_commands


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
