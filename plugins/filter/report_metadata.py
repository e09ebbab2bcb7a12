# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_metadata
short_description: What a report adds to the metadata of its test event
description:
  - Returns the metadata of a test event with its outcome, what the vehicle said, how the update was disturbed, and
    whether the test was resumed.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The metadata of the test event.
    type: dict
    required: true
  outcome:
    description: How the test ended.
    type: str
    required: true
  looks:
    description: The RV(hatci.automation.hatci_vehicle_check#module:record) of each look that went well, by its moment.
    type: dict
    default: {}
  last:
    description: The registered result of the last M(hatci.automation.hatci_vehicle_check), empty if there was none.
    type: dict
    default: {}
  disturbances:
    description: The record of each disturbance.
    type: list
    elements: dict
    default: []
  resumed:
    description: Who went on with the test, empty if it was not resumed.
    type: raw
    default: {}
"""

EXAMPLES = r"""
- name: Show what is reported
  ansible.builtin.debug:
    msg: "{{ {'bench': 'B7'} | hatci.automation.report_metadata('PASS', looks={'before': look.record}, last=look) }}"
"""

RETURN = r"""
_value:
  description: The metadata. C(vehicle) has the looks, the table of the last one and how it differs.
  type: dict
  sample: {outcome: PASS, vehicle: {before: {}, after: {}, table: [], differences: [], new_codes: []}, bench: B7}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import settled_metadata
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import in_metadata


def report_metadata(
    metadata: t.Any,
    outcome: t.Any,
    looks: t.Any = None,
    last: t.Any = None,
    disturbances: t.Any = (),
    resumed: t.Any = None,
) -> dict[str, t.Any]:
    """Return the metadata of a test event that is reported."""
    last = last or {}
    known = {
        "outcome": outcome,
        **in_metadata(looks or {}, last, failed=bool(last.get("failed"))),
        **({"disturbances": list(disturbances)} if disturbances else {}),
        **metadata,
        **({"resumed": resumed} if resumed else {}),
    }
    return settled_metadata(known)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report_metadata": report_metadata}
