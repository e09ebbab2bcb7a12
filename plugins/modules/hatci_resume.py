#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_resume
short_description: Take over a test whose job died
version_added: 0.1.0
description:
  - Finds the test event, the target event and the deployment of a test whose job has ended without following it to its
    end, and marks the test event as resumed, so that no recovery closes it meanwhile. Nothing is created.
  - A test event whose outcome says something of the vehicle is refused, such as V(PASS) and V(FAIL). One that ended as
    C(ABORTED), C(TIMEOUT) or C(ERROR) may go on.
  - A test with a scenario is refused, since what was done to its update is not known any more.
  - Used by the playbook C(ota_resume); what follows is to wait, to look at the vehicle and to report.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Nothing is sent, so a test event that has its outcome is not seen.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run marks the test event.
options:
  vin:
    description: VIN of the vehicle that the test must be of.
    type: str
    required: true
  test_event_id:
    description: Id of the test event. With O(deployment_id).
    type: str
  deployment_id:
    description: Id of the deployment. With O(test_event_id).
    type: str
  resume_job_id:
    description:
      - Id of the job of Ansible Automation Platform whose events tell of the test, instead of O(test_event_id). AAP is
        found by E(CONTROLLER_HOST) and E(CONTROLLER_OAUTH_TOKEN).
    type: str
  evidence_dir:
    description: Directory with the evidence of the test, whose journal tells of it, instead of O(test_event_id).
    type: path
  job_id:
    description:
      - Id of the job that goes on with the test.
      - With an action plugin (the usual way) it is taken from C(awx_job_id), C(tower_job_id) or E(JOB_ID).
    type: str
    default: manual
  host:
    description: Inventory name of the vehicle, for messages.
    type: str
    default: localhost
  seconds:
    description: For so long nobody else may take the test for abandoned; more than 0, at most 30 days.
    type: float
    default: 7200
  grace_seconds:
    description:
      - Seconds without a sign of life after which the job O(resume_job_id) counts as dead, since one that AAP calls
        over may still live for a while; they are waited for, at most 3600.
      - With O(test_event_id) or O(evidence_dir) the jobs that the test event names are waited for, where AAP can be
        asked; while one of them runs, and where AAP does not tell, the test is refused.
      - A job that was cancelled, has reported the test or handed it over is not waited for.
    type: float
    default: 120
seealso:
  - module: hatci.automation.hatci_recover
  - module: hatci.automation.hatci_update_status
"""

EXAMPLES = r"""
- name: Go on with a test
  hatci.automation.hatci_resume:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    vin: 1HGBH41JXMN109186
    test_event_id: "{{ test_event.test_event_id }}"
    deployment_id: "{{ deployment.deployment_id }}"
"""

RETURN = r"""
test_event_id:
  description: Id of the test event.
  returned: success
  type: str
  sample: te-000001
test_event:
  description: The test event as SUMS answered it; empty in check mode.
  returned: success
  type: dict
  sample: {test_event_id: te-000001, status: RUNNING}
source_event_id:
  description: Id of the source event, empty if it is not known.
  returned: success
  type: str
  sample: ev-000001
target_event_id:
  description: Id of the target event, empty if it is not known.
  returned: success
  type: str
  sample: ev-000002
deployment_id:
  description: Id of the deployment.
  returned: success
  type: str
  sample: deploy-000001
before:
  description: What the vehicle said before its update, empty if that is not known.
  returned: success
  type: dict
  sample: {}
lease_name:
  description: Lease that the first half of the test handed on, empty if it gave the device back.
  returned: success
  type: str
  sample: ""
resumed:
  description: The mark that the test event got in its metadata.
  returned: success
  type: dict
  sample: {job: "4712", at: "2026-11-25T10:00:00+00:00", until: 1795607200.0, by: 5f3a9c01}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resume import resume
from ansible_collections.hatci.automation.plugins.module_utils._recovery.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments

ARGUMENTS = sums_arguments(
    {
        "vin": {"type": TEXT, "required": True},
        "test_event_id": {"type": TEXT_OR_INT},
        "deployment_id": {"type": TEXT_OR_INT},
        "resume_job_id": {"type": TEXT_OR_INT},
        "evidence_dir": {"type": "path"},
        "job_id": {"type": TEXT_OR_INT, "default": "manual"},
        "host": {"type": "str", "default": "localhost"},
        "seconds": {"type": "float", "default": 7200.0},
        "grace_seconds": {"type": "float", "default": 120.0},
    }
)
OPERATION = resume


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
