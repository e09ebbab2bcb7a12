# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_failure
short_description: What a failed task makes of a test
description:
  - Returns the outcome of a test in which a task has failed, and a sentence that says why.
  - The outcome is that of the module where it tells one. Else it is V(FAIL) if the deployment has ended, so that
    the task
    has judged the vehicle, and V(ERROR) if it has not.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The result of the task, C(ansible_failed_result) in a rescue.
    type: raw
    required: true
  task:
    description: Name of the task.
    type: str
    default: ""
  is_hidden:
    description: Whether the task has C(no_log), so that nothing of its result may be shown.
    type: bool
    default: false
  state:
    description: State in which the deployment ended, empty if it did not come so far.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Note the failure
  ansible.builtin.set_fact:
    how_it_ended: >-
      {{ ansible_failed_result | default({}) | hatci.automation.test_failure(task=ansible_failed_task.name,
      state=hatci_final_state) }}
"""

RETURN = r"""
_value:
  description: Outcome, summary, and the reason, which is the summary without the name of the task.
  type: dict
  sample: {outcome: FAIL, summary: "Wait for the deployment: Deployment deploy-000002 ended FAILED after 0:12 min:
  low battery."}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import failure_of


def test_failure(result: t.Any, task: t.Any = "", is_hidden: t.Any = False, state: t.Any = "") -> dict[str, str]:
    """Return outcome and summary of a test in which a task has failed."""
    return failure_of(result, str(task or ""), bool(is_hidden), str(state or ""))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_failure": test_failure}
