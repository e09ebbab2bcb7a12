# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_serial
short_description: How many vehicles of a fleet begin together
description:
  - For the C(serial) of a play. Returns how many vehicles begin together, one batch after the other, so that none goes
    over the end of a wave. Without waves it returns the batch as it was given.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: One host pattern.
    required: true
  waves:
    description: The waves, up to so many vehicles in all, each number or share counted from the first vehicle.
    type: raw
  batch:
    description: Vehicles that run at once, a number or a share.
    type: raw
    default: 100%
"""

EXAMPLES = r"""
- name: One vehicle, then a tenth of all, then the others
  hosts: all
  serial: "{{ query('hatci.automation.fleet_serial', 'all', waves=[1, '10%', '100%']) }}"
  gather_facts: false
  tasks: []
"""

RETURN = r"""
_raw:
  description: Numbers of vehicles, or the batch as it was given.
  type: list
  elements: raw
  sample: [1, 19, 180]
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable, how_many
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_hosts import matching_hosts


class LookupModule(LookupBase):
    """Counts the vehicles, and divides them."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the batches."""
        self.set_options(var_options=variables, direct=kwargs)
        given, batch = self.get_option("waves"), self.get_option("batch")
        if not given:
            return [batch]
        count = len(matching_hosts(self._loader, variables or {}, str(terms[0])))
        size = how_many(batch, count)
        if size is None:
            raise AnsibleError(
                f"ota_fleet_batch is {str(batch)[:40]!r}; give a number of vehicles or a share such as 20%."
            )
        try:
            return list(Waves.of(given, count).batches(max(1, size)))
        except WavesUnusable as error:
            raise AnsibleError(str(error)) from None
