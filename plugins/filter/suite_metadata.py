# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: suite_metadata
short_description: What a suite says of a step in SUMS
description:
  - Returns the metadata by which the test events of a suite are told apart.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The step, as M(hatci.automation.hatci_suite) plans it; empty outside a suite.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what is kept
  ansible.builtin.debug:
    msg: "{{ {'kind': 'test', 'name': 'power_loss', 'cycle': 2, 'cycles': 3} | hatci.automation.suite_metadata }}"
"""

RETURN = r"""
_value:
  description: The metadata.
  type: dict
  sample: {scenario: power_loss, cycle: 2, cycles: 3}
"""

import typing as t


def suite_metadata(step: t.Any) -> dict[str, t.Any]:
    """Return what a suite says of a step in SUMS."""
    if not step:
        return {}
    if step["kind"] == "return":
        return {"suite_step": f"return to the {step['begins']}", "before": step["name"]}
    cycles = {"cycle": step["cycle"], "cycles": step["cycles"]} if step["cycles"] > 1 else {}
    return {"scenario": step["name"], **cycles}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"suite_metadata": suite_metadata}
