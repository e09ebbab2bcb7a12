# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of the inventory that gave nothing. Ansible warns and goes on, and their vehicles are missing."""

from __future__ import annotations

import functools
import os
import re
import typing as t

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

UNREAD: dict[str, str] = {}
"""Why sources of our own plugin could not be read, by their path. Ansible tells no lookup of that."""

OWN = re.compile(r"(.*\.)?hatci\.ya?ml")
"""Name of a source of our own plugin."""

MEANT = re.compile(r"hosts.*|.*\.(ya?ml|ini|json|toml)")
"""Name of what is meant for a source where it lies in a directory, beside notes and keys."""


def missing_sources(variables: t.Mapping[str, t.Any]) -> list[str]:
    """Return in words which sources of this run cannot have given their hosts.

    :param variables: those that a lookup gets.
    """
    given = variables.get("ansible_inventory_sources") or []
    sources = [given] if isinstance(given, str) else given
    absent = [source for source in sources if "," not in source and not os.path.exists(source)]
    unread = {path: why for path, why in UNREAD.items() if any(_is_in(path, source) for source in sources)}
    files = tuple(str(source) for source in sources if "," not in source and source not in absent)
    # A lone source that gave nothing leaves no host, which is noticed.
    is_lone = len(sources) == 1 and not os.path.isdir(sources[0])
    unparsed = () if is_lone else _unparsed(files)
    return [
        *(f"{source} does not exist" for source in absent),
        *(f"{path}: {why}" for path, why in unread.items()),
        *(f"{path} cannot be parsed as an inventory source (a warning above says why)" for path in unparsed),
    ]


@functools.lru_cache
def _unparsed(sources: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sources, or files in them, that no plugin can parse; they are read once more for that."""
    reading = _Reading()
    for source in sources:
        reading.parse_source(source)
    return tuple(reading.unparsed)


class _Reading(InventoryManager):  # type: ignore[misc, unused-ignore]
    """Reads sources and notes which of them are none."""

    def __init__(self) -> None:
        super().__init__(DataLoader(), parse=False)
        self.unparsed: list[str] = []
        self._is_inside = False

    def parse_source(self, source: str, cache: bool = True) -> bool:
        """Read a source; those of our own plugin have told how it went."""
        name = os.path.basename(source)
        if OWN.fullmatch(name):
            return True
        if os.path.isdir(source):
            was_inside, self._is_inside = self._is_inside, True
            parsed = bool(super().parse_source(source, cache=cache))
            self._is_inside = was_inside
            return parsed
        if self._is_inside and not (MEANT.fullmatch(name) or os.access(source, os.X_OK)):
            return True
        try:
            parsed = bool(super().parse_source(source, cache=cache))
        except AnsibleError:
            parsed = False
        if not parsed:
            self.unparsed.append(source)
        return parsed


def _is_in(path: str, source: str) -> bool:
    return path == source or path.startswith(source.rstrip(os.sep) + os.sep)
