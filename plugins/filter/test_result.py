# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_result
short_description: What the evidence of a test is told at its end
description:
  - Returns how a test ended, with what went wrong after its outcome was known. A pass is none if something did.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: Outcome and summary of the test.
    type: dict
    required: true
  troubles:
    description: What went wrong after the outcome was known.
    type: list
    elements: str
    default: []
  failed_step:
    description: Name of the task that failed, empty if none did.
    type: str
    default: ""
  scenario:
    description: The scenario of the test, empty if it has none.
    type: dict
    default: {}
  disturbances:
    description: The record of each disturbance.
    type: list
    elements: dict
    default: []
  source_event_id:
    description: Id of the source event.
    type: str
    default: ""
  target_event_id:
    description: Id of the target event.
    type: str
    default: ""
  test_event_id:
    description: Id of the test event.
    type: str
    default: ""
  deployment_id:
    description: Id of the deployment.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Finish the evidence
  hatci.automation.hatci_evidence:
    state: bundled
    path: "{{ evidence.path }}"
    test: "{{ {'outcome': 'FAIL', 'summary': 'The dashboard is dark.'} | hatci.automation.test_result }}"
"""

RETURN = r"""
_value:
  description: The O(hatci.automation.hatci_evidence#module:test) of M(hatci.automation.hatci_evidence).
  type: dict
  sample: {outcome: FAIL, summary: The dashboard is dark., failure_outcome: FAIL, troubles: []}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import ERROR, GOOD


def test_result(
    test: t.Any,
    troubles: t.Any = (),
    failed_step: t.Any = "",
    scenario: t.Any = None,
    disturbances: t.Any = (),
    source_event_id: t.Any = "",
    target_event_id: t.Any = "",
    test_event_id: t.Any = "",
    deployment_id: t.Any = "",
) -> dict[str, t.Any]:
    """Return how a test ended."""
    outcome, scenario = test["outcome"], scenario or {}
    return {
        "outcome": ERROR if troubles and outcome in GOOD else outcome,
        "summary": " ".join([test["summary"], *troubles]),
        "failed_step": failed_step,
        "failure_outcome": outcome,
        "troubles": list(troubles),
        "scenario": scenario.get("name") or "",
        "expect": scenario.get("expect") or "",
        "offer": scenario.get("offer") or "",
        "disturbances": list(disturbances),
        "ids": {
            "source_event_id": source_event_id,
            "target_event_id": target_event_id,
            "test_event_id": test_event_id,
            "deployment_id": deployment_id,
        },
    }


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_result": test_result}
