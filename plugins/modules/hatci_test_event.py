#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_test_event
short_description: Record that a test run has begun
version_added: 0.1.0
description:
  - Creates the test event of one run, which says which vehicle, job and software it is about.
  - If the answer of SUMS is lost, the test event is not sent again, since that could make a second one.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Nothing is sent.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run records a test event.
options:
  vin:
    description: Vehicle identification number.
    type: str
    required: true
  vehicle_id:
    description: Id of the vehicle in SUMS.
    type: str
  event_id:
    description: Id of the event under test; V(pending) while there is none.
    type: str
    default: pending
  ansible_job_id:
    description:
      - Id of the job that runs the test.
      - If left out, empty or V(manual), the action plugin (the usual way) takes it from C(awx_job_id),
        C(tower_job_id) or E(JOB_ID), the module itself from E(JOB_ID). Without a job it is V(manual).
    type: str
  git_sha:
    description: Commit of the tests; V(unknown) if left out or empty.
    type: str
  suite_name:
    description: Name of the test suite.
    type: str
    default: ota
  metadata:
    description: Further facts about the run.
    type: dict
  abort_with_play:
    description:
      - Whether the test event is closed as V(FAIL), with the outcome C(ABORTED) in summary and metadata, if the play
        ends before it has reported an outcome with M(hatci.automation.hatci_test_event_update), whatever ended it.
      - Works with a local connection. Turn it off for a test that another job shall report.
    type: bool
    default: true
seealso:
  - module: hatci.automation.hatci_test_event_update
"""

EXAMPLES = r"""
- name: Record the run
  hatci.automation.hatci_test_event:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    vin: "1HGBH41JXMN109186"
    suite_name: "ota_complete_workflow"
    git_sha: "{{ lookup('env', 'GIT_SHA') }}"
  register: test_event
"""

RETURN = r"""
test_event_id:
  description: Id of the test event in SUMS. In check mode a placeholder.
  returned: success
  type: str
  sample: te-000001
test_event:
  description: The test event as SUMS answered it; in check mode what would be sent.
  returned: success
  type: dict
  sample: {test_event_id: te-000001, status: RUNNING, vin: 1HGBH41JXMN109186}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import create_test_event

ARGUMENTS = sums_arguments(
    {
        "vin": {"type": TEXT, "required": True},
        "vehicle_id": {"type": TEXT},
        "event_id": {"type": TEXT_OR_INT, "default": "pending"},
        "ansible_job_id": {"type": TEXT_OR_INT},
        "git_sha": {"type": TEXT},
        "suite_name": {"type": TEXT, "default": "ota"},
        "metadata": {"type": "dict"},
        "abort_with_play": {"type": "bool", "default": True},
    },
)
OPERATION = create_test_event


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
