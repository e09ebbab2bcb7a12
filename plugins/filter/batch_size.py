# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: batch_size
short_description: How many vehicles a batch has
description:
  - Returns how many of so many vehicles are in one batch, which is given as a number or as a share, as C(serial)
    takes it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: How many vehicles there are.
    type: int
    required: true
  batch:
    description: A number, or a share such as V(20%).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Ten of fifty vehicles
  ansible.builtin.debug:
    msg: "{{ 50 | hatci.automation.batch_size('20%') }}"
"""

RETURN = r"""
_value:
  description: Number of vehicles, at least one where there is any.
  type: int
  sample: 10
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.hatci.automation.plugins.module_utils._waves import how_many


def batch_size(vehicles: int, batch: t.Any) -> int:
    """Return how many vehicles a batch has."""
    size = how_many(batch, vehicles)
    if size is None:
        raise AnsibleFilterError(
            f"A batch is {str(batch).strip()!r:.40}; give a number of vehicles or a share such as 20%."
        )
    return size


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"batch_size": batch_size}
