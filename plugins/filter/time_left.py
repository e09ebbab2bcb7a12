# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: time_left
short_description: How long an update may still take
description:
  - Returns the seconds until a deployment must have ended. What the disturbances of a scenario took counts.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: Seconds that a deployment may take, unless its scenario says C(within).
    type: float
    required: true
  scenario:
    description: The scenario of the test, empty if it has none.
    type: dict
    default: {}
  deployed:
    description: When the update was deployed, in seconds since the epoch; 0 for now.
    type: float
    default: 0
"""

EXAMPLES = r"""
- name: Show how long the update may still take
  ansible.builtin.debug:
    msg: "{{ 3600 | hatci.automation.time_left({'within': 600}, deployed=1760000000) }} s"
"""

RETURN = r"""
_value:
  description: Seconds, at least 1 with a scenario; without one, the input.
  type: float
  sample: 540.0
"""

import time
import typing as t


def time_left(seconds: t.Any, scenario: t.Any = None, deployed: t.Any = 0) -> t.Any:
    """Return the seconds until a deployment must have ended."""
    if not scenario:
        return seconds
    passed = time.time() - float(deployed) if float(deployed or 0) else 0.0
    return max(1.0, float(scenario["within"] or seconds) - passed)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"time_left": time_left}
