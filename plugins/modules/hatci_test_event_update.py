#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_test_event_update
short_description: Record the outcome of a test run
version_added: 0.1.0
description:
  - Changes a test event; at least one of its values must be given.
  - The report counts as sent once the answer shows the status that was sent. After an answer without a status it is
    sent again, and the task fails if no answer shows one within O(retry_timeout). An answer with another status, or
    about another test event, fails the task at once.
  - A report of a test that was resumed (C(resumed) in its metadata) is not sent where SUMS has an outcome meanwhile
    that says something of the vehicle, such as V(PASS); the task then warns and changes nothing.
  - With O(created) SUMS is asked first, so that nothing is sent to another test event that got the id since. Of a test
    event that this play created that is known without it; there an outcome that another job has reported meanwhile,
    and that says something of the vehicle, is not overwritten either.
  - Where a lease of the host was lost during its test, or cannot be shown to have held, V(PASS) is reported as
    V(FAIL) with the outcome C(ERROR), and the task fails. V(FAIL) gets the outcome C(ERROR) then if the lease is
    known to have been lost.

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
    details: SUMS has no call to read a test event, so every run sends and reports a change.
options:
  test_event_id:
    description: Id of the test event. Needed, unless O(kept_report) is given.
    type: str
  status:
    description: Outcome of the run.
    type: str
    choices: [PASS, FAIL]
  summary:
    description: What happened, in a sentence.
    type: str
  artifact_urls:
    description: Where the evidence is.
    type: list
    elements: str
  event_id:
    description: Id of the event that was tested.
    type: str
  metadata:
    description: Further facts about the run.
    type: dict
  vin:
    description: VIN of the vehicle that the test event must be of. It is not sent; an answer that names another fails.
    type: str
  ansible_job_id:
    description:
      - Job that the test event must be of, as its record says. It is not sent; an answer that names another fails.
    type: str
  created:
    description:
      - The test event as it was created, RV(hatci.automation.hatci_test_event#module:test_event). It is not sent.
      - SUMS is asked for the test event once. If that is one of another vehicle, job, suite, event or time, SUMS has
        lost its records and given the id again; the task fails and nothing is sent.
      - Where SUMS has no call for that, O(event_id) is asked for instead, which SUMS must have kept.
      - If SUMS answers neither, the report is sent, unless O(may_be_another).
    type: dict
  created_event:
    description:
      - The event O(event_id) as it was created, RV(hatci.automation.hatci_create_event#module:event). It is not sent;
        it tells the event from another one that got its id since.
    type: dict
  may_be_another:
    description:
      - Whether there is reason to believe that SUMS has lost records since, such as a deployment that is another one,
        so that nothing is sent before SUMS has shown a record of this test.
    type: bool
    default: false
  keep_report_in:
    description:
      - Directory in which the report is kept as a file if it cannot be sent; the file is removed once it has been sent.
      - A directory of another user, or one that cannot be written, is not used; the report is then kept in
        C(/var/tmp/hatci-unsent-reports-UID).
    type: path
  kept_report:
    description:
      - File with a report that was kept by O(keep_report_in), to be sent now. What it says is sent, whatever else is
        given.
      - A file that another user can have written, or that was kept for another SUMS, is refused.
    type: path
seealso:
  - module: hatci.automation.hatci_test_event
"""

EXAMPLES = r"""
- name: Report the outcome
  hatci.automation.hatci_test_event_update:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    test_event_id: "{{ test_event.test_event_id }}"
    status: PASS
    summary: Gateway updated from 1.0.0 to 2.0.0
    artifact_urls:
      - https://artifacts.example.com/run/17/serial.log

- name: Send a report that could not be sent before
  hatci.automation.hatci_test_event_update:
    hatci_base_url: https://sums.example.com
    hatci_token: "{{ vault_hatci_token }}"
    kept_report: /var/tmp/hatci-unsent-reports-1000/te-000001-5f0c8a3b9d21e764.json
"""

RETURN = r"""
test_event:
  description: The test event as SUMS answered it; in check mode what would be sent.
  returned: success
  type: dict
  sample: {test_event_id: te-000001, status: PASS, summary: Gateway updated}
kept_report:
  description: File in which the report is kept.
  returned: failure, if O(keep_report_in) is given
  type: str
  sample: /var/tmp/hatci-unsent-reports-1000/te-000001-5f0c8a3b9d21e764.json
another_record:
  description: Whether SUMS answered about the test event of another test, so that nothing is sent again.
  returned: failure, if it did
  type: bool
  sample: true
"""

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import sums_arguments
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import update_test_event

ARGUMENTS = sums_arguments(
    {
        "test_event_id": {"type": TEXT_OR_INT},
        "status": {"type": "str", "choices": ["PASS", "FAIL"]},
        "summary": {"type": TEXT},
        "artifact_urls": {"type": "list", "elements": TEXT},
        "event_id": {"type": TEXT_OR_INT},
        "metadata": {"type": "dict"},
        "vin": {"type": TEXT},
        "ansible_job_id": {"type": TEXT_OR_INT},
        "created": {"type": "dict"},
        "created_event": {"type": "dict"},
        "may_be_another": {"type": "bool", "default": False},
        "keep_report_in": {"type": "path"},
        "kept_report": {"type": "path"},
    },
    ("test_event_id", "kept_report"),
)
OPERATION = update_test_event


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
