#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_summary
short_description: Sum up the tests of a run
version_added: 0.1.0
description:
  - Shows one row for each vehicle of the play, or for each scenario of a suite on it, those that failed last, with
    their VIN, ids and reason, and the totals.
  - A vehicle whose test handed on no outcome counts as failed, whatever kept it from its end.
  - Run it once for the whole play (C(run_once)), on the vehicles themselves. A play on C(localhost) is skipped when
    C(--limit) does not name it, and the run would be green.

options:
  tests:
    description:
      - How the test of each vehicle ended. By default this is read from the fact C(ota_result) of every host of the
        play, and of a suite from C(ota_suite_result), which has a row for each scenario.
    type: list
    elements: dict
    suboptions:
      vehicle:
        description: Name of the host.
        type: str
        required: true
      result:
        description: What M(hatci.automation.hatci_outcome) set as C(ota_result).
        type: dict
        default: {}
      scenario:
        description: Name of the scenario, where the vehicle has a test for each of several.
        type: str
        default: ""
      reason:
        description: Why the test could hand on nothing.
        type: str
        default: ""
  max_fail_percentage:
    description: Share of failed vehicles up to which this task succeeds.
    type: float
    default: 0
  waves:
    description:
      - The waves in which the vehicles of O(tests) were to begin, in this order. Up to so many vehicles in all, each
        number or share such as V(10%) counted from the first one.
      - Vehicles of waves that did not begin are told as C(NOT_BEGUN), and this task fails.
    type: raw
  stop_at_fail_percentage:
    description: Share of failed vehicles of a wave at which no further wave began; with V(0) one did that.
    type: float
    default: 0
  wave:
    description:
      - Number of the wave that the vehicles of O(tests) are, where each wave is a job of its own. The task then fails
        as well where O(stop_at_fail_percentage) of them failed, so that a workflow does not go on.
    type: int
    default: 0
  retry_file:
    description:
      - File to which the vehicles are written that failed or were not begun, for C(--limit @FILE). If there are
        none, one that an earlier run left is removed.
    type: path
  show:
    description: Whether the table is shown where it has one row only.
    type: bool
    default: true

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
    details: The same, since nothing is changed.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: hatci.automation.hatci_outcome
"""

EXAMPLES = r"""
- name: Fail unless at least nine of ten vehicles passed
  hatci.automation.hatci_summary:
    max_fail_percentage: 10
  run_once: true
"""

RETURN = r"""
lines:
  description: The table.
  returned: always
  type: list
  elements: str
  sample: ["vehicle  outcome", "vehicle_001  PASS", "0 of 1 vehicles failed (1 PASS)"]
failed_vehicles:
  description: The vehicles whose test did not end as it should.
  returned: always
  type: list
  elements: str
  sample: []
not_begun_vehicles:
  description: The vehicles of waves that did not begin.
  returned: always
  type: list
  elements: str
  sample: []
retry_file:
  description: Absolute path of the file that was written for C(--limit); empty if there is none.
  returned: always
  type: str
  sample: /home/erika/ota_fleet.retry
"""

from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._outcome import sum_up
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = {
    "argument_spec": {
        "tests": {
            "type": "list",
            "elements": "dict",
            "options": {
                "vehicle": {"type": "str", "required": True},
                "result": {"type": "dict", "default": {}},
                "scenario": {"type": "str", "default": ""},
                "reason": {"type": "str", "default": ""},
            },
        },
        "max_fail_percentage": {"type": "float", "default": 0.0},
        "waves": {"type": "raw"},
        "stop_at_fail_percentage": {"type": "float", "default": 0.0},
        "wave": {"type": "int", "default": 0},
        "retry_file": {"type": "path"},
        "show": {"type": "bool", "default": True},
    },
    "supports_check_mode": True,
}
OPERATION = sum_up


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
