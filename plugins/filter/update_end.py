# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: update_end
short_description: How a wait for an update ended
description:
  - Returns what is kept of the result of M(hatci.automation.hatci_update_status) that waited, whether it succeeded or
    failed.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The result.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep how it ended
  ansible.builtin.set_fact:
    update_end: "{{ update | hatci.automation.update_end }}"
"""

RETURN = r"""
_value:
  description:
    - C(state) in which the deployment ended; V(TIMEOUT) if it did not end in time, V(UNKNOWN) if SUMS did not tell.
    - C(reason) that SUMS gave, or why the wait failed.
    - C(timestamps) of the deployment.
    - C(point) that was waited for, as C(reached), C(state), C(progress) and C(seen_at); empty if none was.
  type: dict
  sample: {state: COMPLETE, reason: "", timestamps: {}, point: {}}
"""

import typing as t

POINT = ("reached", "state", "progress", "seen_at")


def update_end(result: t.Any) -> dict[str, t.Any]:
    """Return how a wait ended; a task that did not run has no result to speak of."""
    has_failed, outcome = bool(result.get("failed")), result.get("outcome")
    state = "TIMEOUT" if outcome == "TIMEOUT" else "UNKNOWN"
    if not has_failed or outcome == "FAIL":
        state = result.get("state") or "UNKNOWN"
    return {
        "state": state,
        "reason": result.get("reason") or (result.get("msg") or "" if has_failed else ""),
        "timestamps": result.get("timestamps") or {},
        "point": {name: result.get(name) for name in POINT} if "reached" in result else {},
    }


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"update_end": update_end}
