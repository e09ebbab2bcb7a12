# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: not_handed_over
short_description: The vehicles whose test was not handed over
description:
  - Returns the hosts of a play of C(ota_begin) whose test no later job can go on with, in the order of the play.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The names of all hosts of the play, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  hosts:
    description: The variables of each host, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail unless every test was handed over
  ansible.builtin.assert:
    that: ansible_play_hosts_all | hatci.automation.not_handed_over(hostvars) | length == 0
"""

RETURN = r"""
_value:
  description: Names of the hosts.
  type: list
  elements: str
  sample: [vehicle_002]
"""

import typing as t


def not_handed_over(names: t.Iterable[str], hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Return the hosts whose test was not handed over."""
    return [name for name in names if "handover" not in hosts[name].get("__hatci_ota_test_handover", {})]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"not_handed_over": not_handed_over}
