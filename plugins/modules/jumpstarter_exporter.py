#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_exporter
short_description: Write an exporter config for jmp
version_added: 0.1.0
description:
  - Writes an exporter config and a link by which C(jmp shell --exporter NAME) finds it.
  - What is not an exporter config is refused before it replaces one that works.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: An exporter config can hold a token, so it is not shown.
  idempotent:
    support: full
options:
  name:
    description: Name of the exporter; letters, digits, dot, dash and underscore.
    type: str
    required: true
  content:
    description: The exporter config, in YAML. Needed for V(state=present).
    type: str
  directory:
    description: Directory of the config.
    type: path
    default: /etc/jumpstarter/exporters.d
  link_directory:
    description: Directory in which C(jmp) looks for exporters by name.
    type: path
    default: /etc/jumpstarter/exporters
  state:
    description: Whether the config and its link shall be there.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - python >= 3.11
  - PyYAML
seealso:
  - module: hatci.automation.jumpstarter_lease
"""

EXAMPLES = r"""
- name: Describe the vehicle's interfaces to jmp
  hatci.automation.jumpstarter_exporter:
    name: vehicle_001
    content: "{{ lookup('ansible.builtin.template', 'vehicle_exporter.yaml.j2') }}"
"""

RETURN = r"""
path:
  description: Path of the config.
  returned: success
  type: str
  sample: /etc/jumpstarter/exporters.d/vehicle_001.yaml
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.exporter import manage_exporter
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        "content": {"type": "str", "no_log": True},
        "directory": {"type": "path", "default": "/etc/jumpstarter/exporters.d"},
        "link_directory": {"type": "path", "default": "/etc/jumpstarter/exporters"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    },
    "required_if": [("state", "present", ("content",))],
    "supports_check_mode": True,
}
OPERATION = manage_exporter


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
