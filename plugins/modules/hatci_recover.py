#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_recover
short_description: Close what dead jobs left open
version_added: 0.1.0
description:
  - Finds jobs of Ansible Automation Platform that are over without having reported a test, by the events that they
    left. Gives back their leases, and closes each of their open test events as V(FAIL) with the outcome C(ABORTED),
    linked to its target event, with what SUMS says of the deployment. Where a job could not send its report, that
    report is sent. Successful jobs of C(ota_fleet.yml) are looked at too, since a fleet may lose vehicles.
  - A test event that has an outcome is never changed, nor one that another job goes on with. A second run changes
    nothing more.
  - Of jobs of other templates only the leases are given back.
  - A job that AAP calls over may still live for a while, so a job counts as dead once it has shown no sign of life for
    O(grace_seconds), which is waited for.
  - AAP is found by E(CONTROLLER_HOST) and E(CONTROLLER_OAUTH_TOKEN), which a credential of the type Red Hat Ansible
    Automation Platform sets; E(CONTROLLER_VERIFY_SSL) turns the check of its certificate off. The token must be that of
    a system auditor or administrator, since AAP shows others no jobs instead of refusing.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.jumpstarter
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: partial
    details:
      - Lists what would be closed and given back, without waiting. Test events that have an outcome already are among
        them where only a change could tell, since SUMS has no call to read one.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  job_templates:
    description: Names of the job templates whose jobs are looked at. None may have a comma.
    type: list
    elements: str
    default:
      - HATCI OTA test
      - HATCI OTA fleet test
      - HATCI OTA fleet wave 1
      - HATCI OTA fleet wave 2
      - HATCI OTA fleet wave 3
      - HATCI OTA suite
      - HATCI OTA begin
      - HATCI OTA resume
  within_hours:
    description:
      - Jobs that ended longer ago are left alone; more than 0, at most 2880.
      - A test that a job handed over is left to whoever goes on with it for C(ota_handover_seconds), and while its
        deployment runs for a day more. Then it is closed, whenever its job ended and although that was successful, if
        that job ran C(ota_begin.yml).
    type: float
    default: 24
  grace_seconds:
    description: Seconds without a sign of life after which a job that is over counts as dead; at most 3600.
    type: float
    default: 120
  evidence_dir:
    description:
      - Directory in which jobs leave the evidence of their tests, as seen where this runs. What a job left of a test
        that is closed here, is finished to a record with the outcome and the reason that SUMS is told. By default none
        is.
    type: path
seealso:
  - module: hatci.automation.jumpstarter_orphans
  - module: hatci.automation.hatci_test_event_update
"""

EXAMPLES = r"""
- name: Close what jobs that died today left open
  hatci.automation.hatci_recover:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    client_config: /etc/jumpstarter/client.yaml
    job_templates: [HATCI OTA test]
"""

RETURN = r"""
closed:
  description: The test events that got an outcome; in check mode those that would get one.
  returned: always
  type: list
  elements: dict
  contains:
    job:
      description: Id of the job that died.
      type: str
      returned: always
      sample: "4711"
    host:
      description: Inventory name of the vehicle.
      type: str
      returned: always
      sample: vehicle_001
    test_event_id:
      description: Id of the test event.
      type: str
      returned: always
      sample: te-000001
    outcome:
      description: The outcome that it got.
      type: str
      returned: always
      sample: ABORTED
    summary:
      description: What SUMS was told; empty in check mode.
      type: str
      returned: always
      sample: "ABORTED: the play of job 4711 ended before it reported an outcome."
    event_id:
      description: The target event, empty if the job did not come so far.
      type: str
      returned: always
      sample: ev-000002
    deployment_id:
      description: The deployment, empty if the job did not come so far.
      type: str
      returned: always
      sample: deploy-000001
released:
  description: Names of the leases that were given back; in check mode those that would be.
  returned: always
  type: list
  elements: str
  sample: [hatci-4711-vehicle-001-5f3a9c01]
lines:
  description: The same in words, a line each, and where evidence was finished.
  returned: always
  type: list
  elements: str
  sample: [job 4711 gave back hatci-4711-vehicle-001-5f3a9c01]
left_alone:
  description: What was found and not touched.
  returned: always
  type: list
  elements: dict
  contains:
    job:
      description: Id of the job.
      type: str
      returned: always
      sample: "4711"
    what:
      description: What was left alone.
      type: str
      returned: always
      sample: test event te-000001
    reason:
      description: Why.
      type: str
      returned: always
      sample: SUMS has its outcome, PASS
settled:
  description:
    - The test events of dead jobs that have their outcome, also as earlier runs found. A later run does not look at
      them again, which it knows by the events of C(ota_recover.yml) in AAP.
  returned: always
  type: list
  elements: dict
  contains:
    job:
      description: Id of the latest job that left it.
      type: str
      returned: always
      sample: "4711"
    test_event_id:
      description: Id of the test event.
      type: str
      returned: always
      sample: te-000001
"""

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import SHARED_ARGUMENTS
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import recover
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments

TEMPLATES = [
    "HATCI OTA test",
    "HATCI OTA fleet test",
    *(f"HATCI OTA fleet wave {number}" for number in (1, 2, 3)),
    "HATCI OTA suite",
    "HATCI OTA begin",
    "HATCI OTA resume",
]

ARGUMENTS = sums_arguments(
    {
        **SHARED_ARGUMENTS,
        "job_templates": {"type": "list", "elements": "str", "default": TEMPLATES},
        "within_hours": {"type": "float", "default": 24.0},
        "grace_seconds": {"type": "float", "default": 120.0},
        "evidence_dir": {"type": "path"},
    }
)
OPERATION = recover


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
