# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vehicles_again
short_description: Which vehicles of a fleet are to run again
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
description:
  - Returns the hosts of the play whose tests did not end as they should, behind those that were not begun.
options:
  _terms:
    description: Not used.
  waves:
    description: The waves of the fleet, C(ota_fleet_waves); empty for none.
    type: raw
    default: []
  stop_at:
    description: Percentage of failed vehicles of a wave from which on no further one begins.
    type: raw
    default: 0
"""

EXAMPLES = r"""
- name: Hand on which vehicles are to run again
  ansible.builtin.set_stats:
    data:
      ota_hosts_again: "{{ query('hatci.automation.vehicles_again') | join(',') }}"
"""

RETURN = r"""
_raw:
  description: Names of hosts.
  type: list
  elements: str
  sample: [vehicle_002]
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._outcome import campaign_of
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable
from ansible_collections.hatci.automation.plugins.plugin_utils.handed_on import tests_of_play
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import playbook_process


class LookupModule(LookupBase):
    """Looks at what the hosts of the play handed on."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the names of the hosts."""
        self.set_options(var_options=variables, direct=kwargs)
        tests = tests_of_play(variables or {}, playbook_process().identity)
        try:
            waves = Waves.of(self.get_option("waves"), len(tests), self.get_option("stop_at"))
        except WavesUnusable as error:
            raise AnsibleError(str(error)) from None
        return campaign_of(tests, waves).again
