# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of the inventory that gave nothing. Ansible warns and goes on, and their vehicles are missing."""

from __future__ import annotations

import os
import typing as t

UNREAD: dict[str, str] = {}
"""Why sources of our own plugin could not be read, by their path. Ansible tells no lookup of that."""


def missing_sources(variables: t.Mapping[str, t.Any]) -> list[str]:
    """Return in words which sources of this run cannot have given their hosts.

    :param variables: those that a lookup gets.
    """
    given = variables.get("ansible_inventory_sources") or []
    sources = [given] if isinstance(given, str) else given
    absent = [source for source in sources if "," not in source and not os.path.exists(source)]
    unread = {path: why for path, why in UNREAD.items() if any(_is_in(path, source) for source in sources)}
    return [*(f"{source} does not exist" for source in absent), *(f"{path}: {why}" for path, why in unread.items())]


def _is_in(path: str, source: str) -> bool:
    return path == source or path.startswith(source.rstrip(os.sep) + os.sep)
