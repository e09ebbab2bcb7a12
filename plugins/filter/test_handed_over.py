# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_handed_over
short_description: The sentence with which a test is handed over
description:
  - Returns which test was left to another job, how long its device stays leased, and the command that goes on with it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: C(handover) of the result of M(hatci.automation.hatci_handover).
    type: dict
    required: true
  vin:
    description: VIN of the vehicle.
    type: str
    required: true
  host:
    description: Name of the host of the vehicle.
    type: str
    required: true
  kept:
    description: The device that stays leased, with C(kept_until); empty if none does.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say who goes on with it
  ansible.builtin.debug:
    msg: "{{ ota_handover | hatci.automation.test_handed_over(hatci_vin, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: Two sentences, the latter a command.
  type: str
  sample: >-
    Test event te-1 of 1HGBH41JXMN109186 was handed over with deployment deploy-1. To go on with it: ansible-playbook
    hatci.automation.ota_resume -i INVENTORY -e ota_hosts=vehicle_001 -e hatci_test_event_id=te-1 -e
    hatci_deployment_id=deploy-1
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.test_words import handed_over


def test_handed_over(handover: t.Any, vin: t.Any, host: t.Any, kept: t.Any = None) -> str:
    """Return the sentence with which a test is handed over."""
    return handed_over(handover, str(vin), str(host), kept or {})


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_handed_over": test_handed_over}
