# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vehicle_metadata
short_description: What a test event keeps of what the vehicle said
description:
  - Returns the looks at the vehicle, and how the last one differs from what was expected, as metadata of a test event.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The RV(hatci.automation.hatci_vehicle_check#module:record) of each look that went well, by its moment.
    type: dict
    required: true
  last:
    description: The registered result of the last M(hatci.automation.hatci_vehicle_check), empty if there was none.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep what was seen of the vehicle
  ansible.builtin.set_fact:
    metadata: "{{ {'before': look.record} | hatci.automation.vehicle_metadata(look) }}"
"""

RETURN = r"""
_value:
  description: C(vehicle) with the looks, the table of the last one and how it differs; nothing without a look.
  type: dict
  sample: {vehicle: {before: {}, after: {}, table: [], differences: [], new_codes: []}}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import in_metadata


def vehicle_metadata(looks: t.Any, last: t.Any) -> dict[str, t.Any]:
    """Return what a test event keeps of what the vehicle said."""
    return in_metadata(looks, last, failed=bool(last.get("failed")))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"vehicle_metadata": vehicle_metadata}
