#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_deploy_event
short_description: Deploy an event to its vehicle
version_added: 0.1.0
description:
  - Schedules the deployment of a target event. An event that is not fixed, or is the source of an update (C(RROM)), is
    refused before anything is sent.
  - An answer about another event or vehicle fails the task.
  - If the answer of SUMS is lost, the deployment is not sent again, since that could make a second one.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Looks whether the event is fixed; nothing is deployed.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run makes a deployment.
options:
  event_id:
    description: Id of the fixed target event.
    type: str
    required: true
  vin:
    description: VIN of the vehicle that the event must be for. If SUMS names another one, nothing is deployed.
    type: str
  created:
    description:
      - The event as it was created, RV(hatci.automation.hatci_create_event#module:event). It is not sent. If SUMS shows
        another build level or time of creation, it has lost its records and given the id again, and nothing is
        deployed.
      - With an action plugin (the usual way) it defaults to what the role hatci_request_update created in this play.
    type: dict
  start_datetime:
    description: When the deployment may begin, in ISO 8601. At once if left out.
    type: str
  end_datetime:
    description: When the deployment must be over, in ISO 8601.
    type: str
  deployment_count:
    description: How many deployments to make.
    type: int
    default: 1
seealso:
  - module: hatci.automation.hatci_fix_event
  - module: hatci.automation.hatci_update_status
"""

EXAMPLES = r"""
- name: Deploy the target event
  hatci.automation.hatci_deploy_event:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    event_id: "{{ target.event_id }}"
  register: deployment
"""

RETURN = r"""
deployment_id:
  description: Id of the deployment in SUMS. In check mode a placeholder.
  returned: success
  type: str
  sample: deploy-000001
state:
  description: State of the deployment, in capitals; V(UNKNOWN) if SUMS did not say.
  returned: success
  type: str
  sample: PENDING
deployment:
  description: The deployment as SUMS answered it; in check mode what would be sent.
  returned: success
  type: dict
  sample: {deployment_id: deploy-000001, event_id: ev-000002, state: PENDING}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import deploy_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation

ARGUMENTS = sums_arguments(
    {
        "event_id": {"type": TEXT_OR_INT, "required": True},
        "vin": {"type": TEXT},
        "created": {"type": "dict"},
        "start_datetime": {"type": TEXT},
        "end_datetime": {"type": TEXT},
        "deployment_count": {"type": "int", "default": 1},
    },
)
OPERATION = deploy_event


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
