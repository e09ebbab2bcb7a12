#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_outcome
short_description: Hand on how a test ended
version_added: 0.1.0
description:
  - Hands how a test ended on as C(ota_tests) to the next nodes of a workflow, as C(set_stats) does.
    Registered as C(ota_result) it is what M(hatci.automation.hatci_summary) reads.
  - The role P(hatci.automation.hatci_ota_test#role) runs it at the end of each test. Nothing is sent to SUMS; that is
    what M(hatci.automation.hatci_test_event_update) is for.

options:
  vin:
    description: Vehicle identification number.
    type: str
    required: true
  outcome:
    description: How the test ended; V(CHECKED) is a test in check mode, which could begin.
    type: str
    required: true
    choices: [PASS, FAIL, TIMEOUT, ERROR, ABORTED, INVALID, CHECKED]
  summary:
    description: Why, in one sentence.
    type: str
    required: true
  state:
    description: State in which the deployment ended.
    type: str
    default: ""
  test_event_id:
    description: Id of the test event.
    type: str
    default: ""
  source_event_id:
    description: Id of the source event.
    type: str
    default: ""
  target_event_id:
    description: Id of the target event.
    type: str
    default: ""
  deployment_id:
    description: Id of the deployment.
    type: str
    default: ""
  began:
    description: When the test began, in seconds since the epoch.
    type: float
  held:
    description: Seconds for which its device was held.
    type: float

  hand_on:
    description: Whether it is handed on to the next nodes of a workflow; a suite does that for all of its tests.
    type: bool
    default: true
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
    details: Returns the same, and hands nothing on.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: hatci.automation.hatci_summary
"""

EXAMPLES = r"""
- name: Hand on how it ended
  hatci.automation.hatci_outcome:
    vin: "{{ hatci_vin }}"
    outcome: FAIL
    summary: The dashboard is dark.
    deployment_id: "{{ deployment.deployment_id }}"
  register: ota_result
"""

RETURN = r"""
outcome:
  description: How the test ended. Every other option is returned as well.
  returned: always
  type: str
  sample: PASS
took:
  description: Seconds since the test began.
  returned: when O(began) is given
  type: float
  sample: 754.2
"""

from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._outcome import OUTCOMES, hand_on
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = {
    "argument_spec": {
        "vin": {"type": "str", "required": True},
        "outcome": {"type": "str", "required": True, "choices": list(OUTCOMES)},
        "summary": {"type": "str", "required": True},
        "state": {"type": "str", "default": ""},
        "test_event_id": {"type": "str", "default": ""},
        "source_event_id": {"type": "str", "default": ""},
        "target_event_id": {"type": "str", "default": ""},
        "deployment_id": {"type": "str", "default": ""},
        "began": {"type": "float"},
        "held": {"type": "float"},
        "hand_on": {"type": "bool", "default": True},
    },
    "supports_check_mode": True,
}
OPERATION = hand_on


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
