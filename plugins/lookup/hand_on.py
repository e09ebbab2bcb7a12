# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hand_on
short_description: Data for the later nodes of a workflow
description:
  - Returns the C(data) of C(ansible.builtin.set_stats).
  - In a workflow of the Ansible Automation Platform the same name of another job would take its place, so there it
    holds a name with the job's id too, such as C(ota_vehicles_of_000000004711).
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Takes none. Each name and its value is given as an option.
"""

EXAMPLES = r"""
- name: Hand on which vehicles are tested
  ansible.builtin.set_stats:
    data: "{{ lookup('hatci.automation.hand_on', ota_vehicles=ansible_play_hosts_all) }}"
"""

RETURN = r"""
_raw:
  description: One dictionary.
  type: list
  elements: dict
  sample: [{ota_vehicles: [vehicle_001], ota_vehicles_of_000000004711: [vehicle_001]}]
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.plugin_utils.workflow_data import to_hand_on


class LookupModule(LookupBase):
    """Asks which job runs this play."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return one dictionary."""
        data: dict[str, t.Any] = {}
        for name, value in kwargs.items():
            data |= to_hand_on(variables or {}, name, value)
        return [data]
