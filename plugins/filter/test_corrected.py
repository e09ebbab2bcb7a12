# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_corrected
short_description: What a later discovery makes of a test
description:
  - Returns the outcome and the summary of a test of which something came out after it had ended.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The test, as C(outcome) and C(summary).
    type: dict
    required: true
  found:
    description:
      - V(device_lost) if the lease of the device had ended before it was given back.
      - V(device_not_given_back) if the device could not be given back.
      - V(vehicle_looked_at) if the vehicle itself said which software it has after SUMS had called the update failed.
    type: str
    choices: [device_lost, device_not_given_back, vehicle_looked_at]
    required: true
  differences:
    description: What the vehicle lacks of the target, for V(vehicle_looked_at).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Refuse a verdict during which the device was lost
  ansible.builtin.set_fact:
    test: "{{ test | hatci.automation.test_corrected('device_lost') }}"
"""

RETURN = r"""
_value:
  description: C(outcome) and C(summary).
  type: dict
  sample:
    outcome: FAIL
    summary: "The deployment ended FAILED. The vehicle, however, has the target software."
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.test_words import corrected


def test_corrected(test: t.Any, found: str, differences: t.Any = ()) -> dict[str, str]:
    """Return what a later discovery makes of a test."""
    return corrected(test, found, list(differences))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_corrected": test_corrected}
