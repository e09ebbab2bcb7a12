# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: disturbance_calls
short_description: How a disturbance is made and proven
description:
  - Adds C(calls) to a disturbance, the options with which M(hatci.automation.jumpstarter_disturbance) makes it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The disturbance, of a scenario as the lookup P(hatci.automation.scenario#lookup) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Disturb the update
  ansible.builtin.include_tasks: disturb.yml
  loop: "{{ scenario.disturbances | map('hatci.automation.disturbance_calls') }}"
"""

RETURN = r"""
_value:
  description: The disturbance with C(calls).
  type: dict
  sample:
    do: power_off
    proof: unreachable
    calls:
      commands: ["j power off"]
      proof: unreachable
      proof_commands: []
      lasting_proof: unreachable
      undone_proof: none
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import calls_of


def disturbance_calls(planned: t.Any) -> dict[str, t.Any]:
    """Return a disturbance with how it is made and proven."""
    return {**planned, "calls": calls_of(planned)}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"disturbance_calls": disturbance_calls}
