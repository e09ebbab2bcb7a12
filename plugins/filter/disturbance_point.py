# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: disturbance_point
short_description: How an update stands where it is to be disturbed
description:
  - Returns the look at the update that belongs to the kind of point.
  - An update that did not come to its progress or state in time has not C(reached) it, and C(msg) says so.
  - At a time there is nothing to disturb any more if the update has ended, so C(reached) is V(false) then.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The disturbance, of a scenario as the lookup P(hatci.automation.scenario#lookup) returns it.
    type: dict
    required: true
  waited:
    description: Result of M(hatci.automation.hatci_update_status) that waited for a progress or a state.
    type: dict
    required: true
  seen:
    description: Result of the one that looked at the update when it was time.
    type: dict
    required: true
  success_states:
    description: States of this SUMS that mean a completed update.
    type: list
    elements: str
    required: true
  failure_states:
    description: States of this SUMS that mean a failed update.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Go on from there
  ansible.builtin.set_fact:
    point: >-
      {{ disturbance | hatci.automation.disturbance_point(waited, seen, hatci_success_states, hatci_failure_states) }}
"""

RETURN = r"""
_value:
  description: C(reached), C(state) and C(status).
  type: dict
  sample: {reached: true, state: IN_PROGRESS, status: {progress: 40}}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.states import Goals
from ansible_collections.hatci.automation.plugins.plugin_utils.parts import parts_of


def disturbance_point(
    planned: dict[str, t.Any],
    waited: dict[str, t.Any],
    seen: dict[str, t.Any],
    success_states: t.Any,
    failure_states: t.Any,
) -> dict[str, t.Any]:
    """Return how the update stands; text may stand for a list of states."""
    if "seconds" not in planned["at"]:
        return {"reached": False, **waited}
    goals = Goals(parts_of(success_states), parts_of(failure_states))
    has_ended = goals.is_success(seen["state"]) or goals.is_failure(seen["state"])
    return {**seen, "reached": not has_ended}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"disturbance_point": disturbance_point}
