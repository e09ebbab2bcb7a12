# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: workflow_verdict
short_description: What is wrong with the tests of a workflow
description:
  - Returns one sentence for each vehicle whose test is not V(PASS), and for each that has handed on no outcome.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: What the tests handed on by vehicle, C(ota_tests).
    type: raw
    required: true
  vehicles:
    description: The vehicles that the job was launched for, C(ota_vehicles).
    type: raw
    default: []
  max_fail_percentage:
    description: Share of vehicles that may have another outcome than PASS. A vehicle without any is never let through.
    type: float
    default: 0
"""

EXAMPLES = r"""
- name: Decide
  ansible.builtin.assert:
    that: failures | length == 0
    fail_msg: "{{ failures | join('; ') }}"
  vars:
    failures: "{{ ota_tests | default({}) | hatci.automation.workflow_verdict(ota_vehicles | default([])) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each vehicle that did not pass.
  type: list
  elements: str
  sample: ["TIMEOUT vehicle_002: Deployment deploy-000002 did not end within 3600 s."]
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import verdict_of


def workflow_verdict(handed_on: t.Any, vehicles: t.Any = (), max_fail_percentage: t.Any = 0) -> list[str]:
    """Return what is wrong with the tests of a workflow."""
    return verdict_of(handed_on, vehicles, max_fail_percentage)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"workflow_verdict": workflow_verdict}
