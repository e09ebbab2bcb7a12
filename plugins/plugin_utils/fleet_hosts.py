# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that a pattern means within the limit of a run, in the order of the inventory."""

from __future__ import annotations

import typing as t

from ansible.inventory.manager import InventoryManager, split_host_pattern

Values = t.Mapping[str, t.Any]


def matching_hosts(loader: t.Any, variables: Values, pattern: str) -> list[str]:
    """Return the names of the hosts that a pattern matches.

    :param variables: those that a lookup gets.
    """
    groups = variables.get("groups") or {}
    inventory = _inventory_of(loader, groups)
    inventory.subset(variables.get("ansible_limit"))
    place = {name: number for number, name in enumerate(groups.get("all", []))}
    found = [host.name for host in inventory.get_hosts(pattern)]
    return sorted(found, key=lambda name: place.get(name, -1))


def unmatched_parts(loader: t.Any, variables: Values, pattern: str) -> list[str]:
    """Return the parts of a pattern that add hosts, but none of the inventory; Ansible only warns of them.

    :param variables: those that a lookup gets.
    """
    inventory = _inventory_of(loader, variables.get("groups") or {})
    adding = [part for part in split_host_pattern(pattern) if part and part[0] not in "!&"]
    return [part for part in adding if not inventory.get_hosts(part)]


def _inventory_of(loader: t.Any, groups: t.Mapping[str, t.Sequence[str]]) -> InventoryManager:
    inventory = InventoryManager(loader, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    return inventory
