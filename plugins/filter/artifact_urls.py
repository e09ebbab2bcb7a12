# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: artifact_urls
short_description: The URLs that a report names
description:
  - Returns the URLs that were given and those of the evidence, as a list.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: A list, text with commas, or nothing.
    type: raw
    required: true
  published:
    description: The URLs of the evidence.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show what is reported
  ansible.builtin.debug:
    msg: "{{ hatci_artifact_urls | default('', true) | hatci.automation.artifact_urls(published.artifact_urls) }}"
"""

RETURN = r"""
_value:
  description: The URLs.
  type: list
  elements: str
  sample: [https://artifacts.example.com/17/serial.log]
"""

import typing as t


def artifact_urls(given: t.Any, published: t.Any = ()) -> t.Any:
    """Return the URLs that a report names; what was given stays as it is where nothing was published."""
    if not published or not given:
        return given or list(published)
    return [*(given.split(",") if isinstance(given, str) else given), *published]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"artifact_urls": artifact_urls}
