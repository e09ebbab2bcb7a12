# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that a pattern means within the limit of a run, in the order of the inventory."""

from __future__ import annotations

import typing as t

from ansible.inventory.manager import InventoryManager


def matching_hosts(loader: t.Any, variables: t.Mapping[str, t.Any], pattern: str) -> list[str]:
    """Return the names of the hosts that a pattern matches.

    :param variables: those that a lookup gets.
    """
    groups = variables.get("groups") or {}
    inventory = InventoryManager(loader, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    inventory.subset(variables.get("ansible_limit"))
    place = {name: number for number, name in enumerate(groups.get("all", []))}
    found = [host.name for host in inventory.get_hosts(pattern)]
    return sorted(found, key=lambda name: place.get(name, -1))
