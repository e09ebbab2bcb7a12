# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: disturbance_record
short_description: What is recorded of a disturbance
description:
  - Puts together what the tasks that disturbed an update found out.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The disturbance, of a scenario as the lookup P(hatci.automation.scenario#lookup) returns it.
    type: dict
    required: true
  point:
    description: How the update stood before, with C(reached), C(state) and C(status).
    type: dict
    required: true
  begun:
    description: Result of M(hatci.automation.jumpstarter_disturbance) with C(state=begun).
    type: dict
    default: {}
  during:
    description: How the update stood once it was disturbed.
    type: dict
    default: {}
  proven:
    description: The same with V(proven).
    type: dict
    default: {}
  undone:
    description: The same with V(undone).
    type: dict
    default: {}
  after:
    description: How the update stood afterwards.
    type: dict
    default: {}
  success_states:
    description: States of this SUMS that mean a completed update, beside C(COMPLETE).
    type: list
    elements: str
    default: []
  failure_states:
    description:
      - States of this SUMS that mean a failed update. An update without power has not come to one by itself.
    type: list
    elements: str
    default: [FAILED, ERROR, CANCELLED]
  lasted:
    description: The same as O(proven), once more before it was undone.
    type: dict
    default: {}
  broken:
    description: What went wrong while it was made; empty if nothing did.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Keep that the point was not reached
  ansible.builtin.set_fact:
    record: "{{ disturbance | hatci.automation.disturbance_record({'reached': false, 'state': 'COMPLETE'}) }}"
"""

RETURN = r"""
_value:
  description: C(name), C(what), C(at), C(reached), state and progress before and after, C(began), C(acted), C(ended),
    C(proof), C(measured), C(proven) and C(problem).
  type: dict
  sample: {name: power_off, proof: unreachable, proven: true}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE
from ansible_collections.hatci.automation.plugins.plugin_utils.parts import parts_of
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import disturbance_of


def disturbance_record(
    planned: dict[str, t.Any],
    point: dict[str, t.Any],
    *results: dict[str, t.Any] | None,
    success_states: t.Iterable[str] = (),
    failure_states: t.Iterable[str] = FAILURE,
    lasted: dict[str, t.Any] | None = None,
    broken: str = "",
    expect: str = "",
) -> dict[str, t.Any]:
    """Return what is recorded of a disturbance; a task that did not run has no result, text may stand for a list."""
    given = [result if isinstance(result, dict) else {} for result in results]
    begun, during, proven, undone, after = [*given, {}, {}, {}, {}, {}][:5]
    ends = (parts_of(success_states), parts_of(failure_states))
    again = lasted if isinstance(lasted, dict) else {}
    more: dict[str, t.Any] = {"lasted": again, "broken": broken, "expect": expect}
    return disturbance_of(planned, point, begun, during, proven, undone, after, *ends, **more)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"disturbance_record": disturbance_record}
