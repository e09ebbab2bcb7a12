# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shared_vins
short_description: Hosts of a play that stand for one vehicle
description:
  - Returns a sentence for each VIN that several hosts of this play have as C(hatci_vin), in any letter case, since two
    tests would update one vehicle.
  - A host whose C(hatci_vin) is not set or cannot be rendered is left out; its own test says so.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Takes none.
"""

EXAMPLES = r"""
- name: Refuse two hosts that stand for one vehicle
  ansible.builtin.assert:
    that: query('hatci.automation.shared_vins') | length == 0
    fail_msg: "{{ query('hatci.automation.shared_vins') | join(' ') }}"
  run_once: true
"""

RETURN = r"""
_raw:
  description: The sentences.
  type: list
  elements: str
  sample: ["vehicle_001 and vehicle_002 have the same hatci_vin, 1HGBH41JXMN109186."]
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._vin import vin_key


class LookupModule(LookupBase):
    """Compares the VINs of the hosts of a play."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the sentences."""
        hosts = (variables or {}).get("ansible_play_hosts_all") or []
        of_vin: dict[str, list[str]] = {}
        for host in hosts if len(hosts) > 1 else []:
            if vin := _vin_of(host, (variables or {})["hostvars"]):
                of_vin.setdefault(vin, []).append(host)
        return [
            f"{', '.join(shared[:-1])[:300]} and {shared[-1]} have the same hatci_vin, {vin[:60]}, so several tests "
            "would update one vehicle; give each host the VIN of its own vehicle."
            for vin, shared in of_vin.items()
            if len(shared) > 1
        ]


def _vin_of(host: str, hostvars: t.Any) -> str:
    try:
        vin = hostvars[host].get("hatci_vin")
    except AnsibleError:
        return ""
    return vin_key(vin) if isinstance(vin, str) else ""
