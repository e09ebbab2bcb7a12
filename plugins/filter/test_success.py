# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_success
short_description: What a test that reached its end is
description:
  - Returns the outcome of a test in which no task has failed, and a sentence that says what it proved.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The registered result of M(hatci.automation.hatci_update_status).
    type: dict
    required: true
  target:
    description: Build level of the target.
    type: str
    required: true
  checks:
    description: What was verified on the vehicle.
    type: list
    elements: str
    default: []
  by_uds:
    description: Whether its ECUs were read, not its console.
    type: bool
    default: false
  scenario:
    description: The scenario of the test, empty if it has none.
    type: dict
    default: {}
  end:
    description: The registered result of M(hatci.automation.hatci_end_check), by which the scenario was judged.
    type: dict
    default: {}
  check_mode:
    description: Whether nothing was done.
    type: bool
    default: false
  success_states:
    description: States in which the update has succeeded; with others a test without a scenario has not. Any, if empty.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Note the success
  ansible.builtin.set_fact:
    how_it_ended: "{{ update | hatci.automation.test_success('2024.10', checks=['target'], by_uds=true) }}"
"""

RETURN = r"""
_value:
  description: Outcome and summary.
  type: dict
  sample: {outcome: PASS, summary: "Update to 2024.10 ended COMPLETE, verified by UDS: target."}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.parts import parts_of
from ansible_collections.hatci.automation.plugins.plugin_utils.test_words import success_of


def test_success(
    update: t.Any,
    target: t.Any,
    checks: t.Any = (),
    by_uds: t.Any = False,
    scenario: t.Any = None,
    end: t.Any = None,
    check_mode: t.Any = False,
    success_states: t.Any = (),
) -> dict[str, str]:
    """Return outcome and summary of a test that reached its end."""
    return success_of(
        update,
        str(target),
        list(checks),
        by_uds=bool(by_uds),
        scenario=scenario or {},
        end=end or {},
        check_mode=bool(check_mode),
        success_states=[state for state in parts_of(success_states) if state],
    )


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_success": test_success}
