#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_handover
short_description: Leave a test to another job
version_added: 0.1.0
description:
  - Marks a test event as handed over, so that neither the end of this play nor a recovery closes it, and hands its ids
    on as C(ota_handovers) to the next nodes of a workflow, as C(set_stats) does.
  - What the second half needs is in the mark, so M(hatci.automation.hatci_resume) finds it by the ids alone.
  - Used by the playbook C(ota_begin); C(ota_resume) is the second half.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.sums
  - hatci.automation.attributes
  - hatci.automation.attributes.group_hatci
attributes:
  check_mode:
    support: full
    details: Nothing is sent and nothing is written.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run marks the test event, and adds a line to O(deployments_file).
options:
  vin:
    description: VIN of the vehicle.
    type: str
    required: true
  test_event_id:
    description: Id of the test event.
    type: str
    required: true
  deployment_id:
    description: Id of the deployment that the second half waits for.
    type: str
    required: true
  source_event_id:
    description: Id of the source event.
    type: str
  target_event_id:
    description: Id of the target event.
    type: str
  target_build_level:
    description: Build level after the update, for the answers that the job of the second half asks for.
    type: str
  target_ecus:
    description: The software after the update, for the same.
    type: list
    elements: dict
  before:
    description: What the vehicle said before its update.
    type: dict
  lease_name:
    description: Lease of the device that is handed on, empty if the device was given back.
    type: str
  lease_owner:
    description: The Jumpstarter client whose lease it is.
    type: str
  metadata:
    description: What the test event has in its metadata, which stays beside the mark.
    type: dict
  seconds:
    description: For so long nobody may take the test for abandoned.
    type: float
    default: 86400
  deployments_file:
    description: File to which a line for the event source C(sums_deployments) is added.
    type: path
  job_id:
    description:
      - Id of the job that leaves the test.
      - With an action plugin (the usual way) it is taken from C(awx_job_id), C(tower_job_id) or E(JOB_ID).
    type: str
    default: manual
  host:
    description: Inventory name of the vehicle; with an action plugin that of the host.
    type: str
    default: localhost
seealso:
  - module: hatci.automation.hatci_resume
  - module: hatci.automation.hatci_recover
"""

EXAMPLES = r"""
- name: Leave the test to another job
  hatci.automation.hatci_handover:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    vin: 1HGBH41JXMN109186
    test_event_id: "{{ test_event.test_event_id }}"
    deployment_id: "{{ deployment.deployment_id }}"
    deployments_file: "{{ playbook_dir }}/deployments.jsonl" # the one that the event source reads
"""

RETURN = r"""
handover:
  description: What was handed on, which is also the line in O(deployments_file).
  returned: success
  type: dict
  sample:
    vin: 1HGBH41JXMN109186
    host: vehicle_001
    test_event_id: te-000001
    source_event_id: ev-000001
    target_event_id: ev-000002
    deployment_id: dep-000001
    lease_name: ""
    lease_owner: ""
    target_build_level: 2024.02.01
    target_ecus: "[]"
handed_over:
  description: The mark that the test event got in its metadata.
  returned: success
  type: dict
  sample: {job: "4711", at: "2026-11-25T10:00:00+00:00", until: 1795607200.0}
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._recovery.handover import hand_over
from ansible_collections.hatci.automation.plugins.module_utils._recovery.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments

ARGUMENTS = sums_arguments(
    {
        "vin": {"type": TEXT, "required": True},
        "test_event_id": {"type": TEXT_OR_INT, "required": True},
        "deployment_id": {"type": TEXT_OR_INT, "required": True},
        "source_event_id": {"type": TEXT_OR_INT},
        "target_event_id": {"type": TEXT_OR_INT},
        "target_build_level": {"type": TEXT},
        "target_ecus": {"type": "list", "elements": "dict"},
        "before": {"type": "dict"},
        "lease_name": {"type": "str"},
        "lease_owner": {"type": "str"},
        "metadata": {"type": "dict"},
        "seconds": {"type": "float", "default": 86400.0},
        "deployments_file": {"type": "path"},
        "job_id": {"type": TEXT_OR_INT, "default": "manual"},
        "host": {"type": "str", "default": "localhost"},
    }
)
OPERATION = hand_over


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
