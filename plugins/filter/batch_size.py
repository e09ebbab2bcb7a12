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

import math
import typing as t

from ansible.errors import AnsibleFilterError


def batch_size(vehicles: int, batch: t.Any) -> int:
    """Return how many vehicles a batch has."""
    text = str(batch).strip()
    try:
        size = float(text[:-1]) * vehicles / 100 if text.endswith("%") else float(int(text))
    except ValueError:
        size = 0.0
    if not 0 < size < math.inf:
        raise AnsibleFilterError(f"A batch is {text!r:.40}; give a number of vehicles or a share such as 20%.")
    return min(vehicles, max(1, math.ceil(size)))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"batch_size": batch_size}
