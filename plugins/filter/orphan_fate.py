# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: orphan_fate
short_description: What became of an orphaned lease
description:
  - Says of a lease that M(hatci.automation.jumpstarter_orphans) found what was done about it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The lease, one of RV(hatci.automation.jumpstarter_orphans#module:orphans) or
      RV(hatci.automation.jumpstarter_orphans#module:others).
    type: dict
    required: true
  found:
    description: All that the module returned.
    type: dict
    required: true
  check_mode:
    description: Whether it would only have acted.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Release orphaned leases
  hatci.automation.jumpstarter_orphans:
  register: leases

- name: Tell what became of each
  ansible.builtin.debug:
    msg: "{{ item.lease_name }}: {{ item | hatci.automation.orphan_fate(leases, ansible_check_mode) }}"
  loop: "{{ leases.orphans + leases.others }}"
"""

RETURN = r"""
_value:
  description: What became of it, in words that go on with a sentence.
  type: str
  sample: released
"""

import typing as t


def orphan_fate(lease: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any], check_mode: bool = False) -> str:
    """Return what became of an orphaned lease."""
    if lease["lease_name"] in found["released"]:
        return "released"
    if lease in found["others"]:
        return "belongs to another client and was left alone"
    return "would be released" if check_mode else "gone meanwhile"


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"orphan_fate": orphan_fate}
