#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_suite
short_description: Plan a suite of tests
version_added: 0.1.0
description:
  - Says which steps a suite of scenarios has on one vehicle, and keeps, step by step, how each scenario ended and which
    software the vehicle has. The role P(hatci.automation.hatci_ota_test#role) makes the steps.
  - What has ended is handed on as C(ota_tests), under C(HOST/SCENARIO), and when all have ended under C(HOST) too.

options:
  state:
    description:
      - V(planned) begins a suite, V(noted) adds how one of its steps ended, V(settled) what became of an update that
        the step had left open.
    type: str
    choices: [planned, noted, settled]
    default: planned
  given:
    description:
      - The scenarios as the user gave them, a list as the lookup P(hatci.automation.scenario#lookup) takes them, or
        text with their names. All that are not usable are named in one message.
    type: raw
  scenarios:
    description: Those that O(given) names, each C(given), whole as C(scenario), and what it C(says) in sentences.
    type: list
    elements: dict
  suite:
    description: What this module returned last. Needed by O(state=noted) and O(state=settled).
    type: dict
  step:
    description: The step that has ended, one of RV(steps). Needed by O(state=noted) and O(state=settled).
    type: dict
  was_done:
    description: Whether the step was done, and not left out.
    type: bool
    default: true
  result:
    description: What M(hatci.automation.hatci_outcome) returned for it.
    type: dict
    default: {}
  reason:
    description: Why it could return nothing.
    type: str
    default: ""
  looks:
    description: What the vehicle said C(before) and C(after) its update.
    type: dict
    default: {}
  look:
    description: What M(hatci.automation.hatci_vehicle_check) returned last.
    type: dict
    default: {}
  source_ecus:
    description: The ECUs of the source software.
    type: list
    elements: dict
    default: []
  target_ecus:
    description: The ECUs of the target software.
    type: list
    elements: dict
    default: []
  success_states:
    description: States of a deployment that mean success.
    type: list
    elements: str
    default: []
  failure_states:
    description: States of a deployment that has ended without success.
    type: list
    elements: str
    default: [FAILED, ERROR, CANCELLED]
  update:
    description:
      - What M(hatci.automation.hatci_update_status) returned of the update that was left open, for O(state=settled).
        If that has not ended, no further test is made.
    type: dict
    default: {}
  evidence:
    description: The directory of its evidence, if it has left any.
    type: str
    default: ""
  on_failure:
    description: Whether the scenarios that follow one which did not pass are run.
    type: str
    choices: [continue, stop]
    default: continue

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
    details: Hands nothing on. Each scenario is planned once and nothing is brought back.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: hatci.automation.hatci_outcome
  - module: hatci.automation.hatci_summary
"""

EXAMPLES = r"""
- name: See what a suite would do
  hatci.automation.hatci_suite:
    given: [nominal, {name: twice, repeat: 2}]
  register: suite
"""

RETURN = r"""
steps:
  description:
    - What is done, in its order. C(ends_suite) says that nothing follows a step which does not pass.
    - In check mode C(says) has sentences about the scenario, what is done to the update, how it is to end, and how the
      vehicle comes to where it begins.
  returned: when O(state=planned)
  type: list
  elements: dict
  sample:
    - kind: test
      name: nominal
      purpose: ""
      begins: source
      cycle: 1
      cycles: 1
      is_last_cycle: true
      given: nominal
      ends_suite: true
scenarios:
  description: The names of the scenarios; one that is there twice is numbered.
  returned: success
  type: list
  elements: str
  sample: [nominal, soak]
rows:
  description:
    - How each scenario ended, by its name, with the keys of the result of M(hatci.automation.hatci_outcome).
    - The directories of its tests are in C(evidence). One that is repeated also has C(cycles), C(failed_cycles),
      C(not_run) (how many were not), and the C(percentiles) of the seconds that a cycle which passed took.
  returned: success
  type: dict
  sample: {soak: {outcome: PASS, cycles: 100, failed_cycles: [], not_run: 0, percentiles: {p50: 61.2, p90: 64.0}}}
tally:
  description: Of the scenario that is repeated, the cycles so far.
  returned: success
  type: dict
  sample: {failed_cycles: [], durations: [61.2]}
position:
  description: Which software the vehicle has, C(source), C(target) or C(unknown).
  returned: success
  type: str
  sample: target
stopped:
  description: Why nothing more is run.
  returned: success
  type: str
  sample: ""
open_deployment:
  description: The deployment that has to end before the next step, empty if there is none.
  returned: success
  type: str
  sample: ""
line:
  description: How far a scenario is that is repeated.
  returned: unless O(state=planned)
  type: str
  sample: "soak: cycle 17 of 100, 1 failed"
"""

from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._suite import (
    CONTINUE,
    NOTED,
    ON_FAILURE,
    PLANNED,
    SETTLED,
    STATES,
    manage_suite,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE

ARGUMENTS = {
    "argument_spec": {
        "state": {"type": "str", "choices": list(STATES), "default": PLANNED},
        "given": {"type": "raw"},
        "scenarios": {"type": "list", "elements": "dict"},
        "suite": {"type": "dict"},
        "step": {"type": "dict"},
        "was_done": {"type": "bool", "default": True},
        "result": {"type": "dict", "default": {}},
        "reason": {"type": "str", "default": ""},
        "looks": {"type": "dict", "default": {}},
        "look": {"type": "dict", "default": {}},
        "source_ecus": {"type": "list", "elements": "dict", "default": []},
        "target_ecus": {"type": "list", "elements": "dict", "default": []},
        "success_states": {"type": "list", "elements": "str", "default": []},
        "failure_states": {"type": "list", "elements": "str", "default": list(FAILURE)},
        "update": {"type": "dict", "default": {}},
        "evidence": {"type": "str", "default": ""},
        "on_failure": {"type": "str", "choices": list(ON_FAILURE), "default": CONTINUE},
    },
    "required_if": [("state", NOTED, ("suite", "step")), ("state", SETTLED, ("suite", "step"))],
    "supports_check_mode": True,
}
OPERATION = manage_suite


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
