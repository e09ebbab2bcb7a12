#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jumpstarter_info
short_description: Check that jmp is there and usable
version_added: 0.1.0
description:
  - Looks for C(jmp) and its version, and whether the client config of the controller can be used and its token has
    not expired.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_jumpstarter
attributes:
  check_mode:
    support: full
    details: The same, since nothing is changed.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  exporter:
    description:
      - Name of the exporter that will be leased. Fail if none can have it.
      - Without a controller, fail if it has no config on this machine.
    type: str
  config_follows:
    description: Whether the config of O(exporter) is written once it is leased, and need not be there yet.
    type: bool
    default: false
  selector:
    description: Selector of the device that will be leased. Fail if it needs a controller and there is none.
    type: str
  expected_exporter:
    description: The exporter that the lease must bring. Fail if none can be called so.
    type: str
  drives:
    description: Whether something will be done with the device. Fail if the client config allows no driver.
    type: bool
    default: false
seealso:
  - module: hatci.automation.jumpstarter_lease
"""

EXAMPLES = r"""
- name: Is jmp there
  hatci.automation.jumpstarter_info:
  register: jmp
"""

RETURN = r"""
path:
  description: Path of C(jmp).
  returned: success
  type: str
  sample: /usr/local/bin/jmp
version:
  description: Its version.
  returned: success
  type: str
  sample: 0.9.0
mode:
  description: How a device would be leased, V(controller) or V(local).
  returned: success
  type: str
  sample: local
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.info import look_at_jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import jumpstarter_arguments
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = jumpstarter_arguments(
    {
        "exporter": {"type": "str"},
        "config_follows": {"type": "bool", "default": False},
        "selector": {"type": "str"},
        "expected_exporter": {"type": "str"},
        "drives": {"type": "bool", "default": False},
    },
)
OPERATION = look_at_jmp


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
