#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_fix_event
short_description: Fix (lock) an event in SUMS
version_added: 0.1.0
description:
  - Fixes an event, so that it can be deployed and no longer be changed.
  - An event that is fixed already stays as it is.
  - An answer about another event, vehicle or update type fails the task.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Looks whether the event is fixed already.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  event_id:
    description: Id of the event.
    type: str
    required: true
  vin:
    description: VIN of the vehicle that the event must be for. If SUMS names another one, nothing is fixed.
    type: str
  created:
    description:
      - The event as it was created, RV(hatci.automation.hatci_create_event#module:event). It is not sent. If SUMS shows
        another build level or time of creation, it has lost its records and given the id again, and nothing is fixed.
    type: dict
  update_type:
    description: What the event must be. If SUMS names the other one, nothing is fixed.
    type: str
    choices: [RROM, UROM]
seealso:
  - module: hatci.automation.hatci_create_event
  - module: hatci.automation.hatci_deploy_event
"""

EXAMPLES = r"""
- name: Fix the target event
  hatci.automation.hatci_fix_event:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    event_id: "{{ target.event_id }}"
"""

RETURN = r"""
fixed:
  description: Always V(true) on success; an event that SUMS does not report as fixed fails the task.
  returned: success
  type: bool
  sample: true
event:
  description: The event as SUMS answered it.
  returned: success
  type: dict
  sample: {event_id: ev-000001, fixed: true, state: FIXED}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.events import fix_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation

ARGUMENTS = sums_arguments(
    {
        "event_id": {"type": TEXT_OR_INT, "required": True},
        "vin": {"type": TEXT},
        "created": {"type": "dict"},
        "update_type": {"type": "str", "choices": ["RROM", "UROM"]},
    },
)
OPERATION = fix_event


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
