#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_update_status
short_description: Look at or wait for a deployment
version_added: 0.1.0
description:
  - Looks once at a deployment or an event.
  - With O(wait) it looks until the deployment has ended. The task fails when the deployment ends otherwise
    than in success, when O(wait_timeout) passes and when SUMS gives no usable answer for O(outage_timeout).
    The failure carries the last known state and the id to go on waiting with.
  - A success counts once a second look has confirmed it. An answer that contradicts itself, such as C(COMPLETE) with
    an C(error_message), is not a usable answer. One about another deployment, event or vehicle fails the task at once.
  - Once an answer was usable, the wait bears every kind of refusal for O(outage_timeout), but two minutes at the most
    that SUMS does not know the deployment. Before that, a refusal that waiting does not help, such as a wrong token,
    fails the task at once.
  - With O(until_progress) or O(until_state) it looks until the deployment has come to that point. One that ends before,
    in whatever state, does not fail the task; RV(reached) tells.
  - A line is shown on every change of state, and at least one a minute, when the connection is local.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Looks once and does not wait.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  deployment_id:
    description: Id of the deployment. Either this or O(event_id) is needed.
    type: str
  event_id:
    description:
      - Id of the event.
      - With O(deployment_id), the event that the deployment must be of; an answer that names another one is refused.
    type: str
  vin:
    description:
      - VIN of the vehicle that the deployment, or the event, must be for; an answer that names another one is refused.
      - If the deployment does not show a VIN, the last look of a wait asks its event.
    type: str
  created:
    description:
      - The deployment as it was created, RV(hatci.automation.hatci_deploy_event#module:deployment). It is not sent. If
        SUMS shows another time of creation, it has lost its records and given the id again, and the task fails.
    type: dict
  wait:
    description: Wait until the deployment, or the event, has ended.
    type: bool
    default: false
  until_progress:
    description: Wait until the deployment has made so many percent, with or without O(wait).
    type: float
  until_state:
    description:
      - Wait until the deployment is in this state, in any letter case, with or without O(wait).
      - With O(until_progress), whichever comes first.
    type: str
  wait_timeout:
    description: Seconds to wait at the most.
    type: float
    default: 3600
  poll_interval:
    description: Seconds between two looks; each pause is up to a tenth longer or shorter.
    type: float
    default: 30
  outage_timeout:
    description: Seconds without a usable answer that the wait survives.
    type: float
    default: 600
  success_states:
    description: States that mean success, in any letter case. V(COMPLETE), V(COMPLETED) and V(SUCCESS) are the same.
    type: list
    elements: str
    default: [COMPLETE, COMPLETED, SUCCESS]
  failure_states:
    description: States that mean failure, in any letter case. A state in neither list is progress.
    type: list
    elements: str
    default: [FAILED, ERROR, CANCELLED]
seealso:
  - module: hatci.automation.hatci_deploy_event
"""

EXAMPLES = r"""
- name: Look once
  hatci.automation.hatci_update_status:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    deployment_id: "{{ deployment.deployment_id }}"
  register: status

- name: Wait up to two hours
  hatci.automation.hatci_update_status:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    deployment_id: "{{ deployment.deployment_id }}"
    wait: true
    wait_timeout: 7200
    poll_interval: 60

- name: Wait until the deployment of this event to this vehicle is at 40 percent
  hatci.automation.hatci_update_status:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    deployment_id: "{{ deployment.deployment_id }}"
    event_id: "{{ target.event_id }}"
    vin: 1HGBH41JXMN109186
    until_progress: 40
    poll_interval: 2
"""

RETURN = r"""
state:
  description:
    - State in capitals. V(COMPLETE) stands for C(COMPLETED) and C(SUCCESS) too.
    - The backend's own spelling is in RV(status).
  returned: success, and on failure as last seen
  type: str
  sample: COMPLETE
reason:
  description: Why the deployment failed, if SUMS says so.
  returned: success, and on failure as last seen
  type: str
  sample: ""
timestamps:
  description: Times that SUMS keeps of the deployment.
  returned: success, and on failure as last seen
  type: dict
  sample: {created_at: "2024-02-01T08:00:00Z", finished_at: "2024-02-01T08:20:00Z"}
status:
  description: The deployment or event as SUMS answered it.
  returned: success, and on failure as last seen
  type: dict
  sample: {deployment_id: deploy-000001, progress: 100, state: COMPLETE}
reached:
  description: Whether the deployment came to the point. V(false) if it ended before.
  returned: success, with O(until_progress) or O(until_state)
  type: bool
  sample: true
progress:
  description: Progress in percent as seen then; V(null) if SUMS does not say.
  returned: success, with O(until_progress) or O(until_state)
  type: float
  sample: 42.0
seen_at:
  description: When that was seen, in ISO 8601 and UTC.
  returned: success, with O(until_progress) or O(until_state)
  type: str
  sample: "2024-02-01T08:12:40Z"
deployment_id:
  description: Id to go on waiting with.
  returned: failure while waiting
  type: str
  sample: deploy-000001
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS
from ansible_collections.hatci.automation.plugins.module_utils._sums.status import update_status

ARGUMENTS = sums_arguments(
    {
        "deployment_id": {"type": TEXT_OR_INT},
        "event_id": {"type": TEXT_OR_INT},
        "vin": {"type": TEXT},
        "created": {"type": "dict"},
        "until_progress": {"type": "float"},
        "until_state": {"type": TEXT},
        "wait": {"type": "bool", "default": False},
        "wait_timeout": {"type": "float", "default": 3600.0},
        "poll_interval": {"type": "float", "default": 30.0},
        "outage_timeout": {"type": "float", "default": 600.0},
        "success_states": {"type": "list", "elements": TEXT, "default": list(SUCCESS)},
        "failure_states": {"type": "list", "elements": TEXT, "default": list(FAILURE)},
    },
    ("deployment_id", "event_id"),
)
OPERATION = update_status


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
