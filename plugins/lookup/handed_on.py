# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: handed_on
short_description: What the jobs of a workflow have handed on
description:
  - Returns as one what each job handed on under this name and the job's id, as P(hatci.automation.hand_on#lookup) has
    it, and what the last one did under this name alone.
  - Dictionaries become one, in which a later job's entry takes the place of an earlier one's; lists become one, in
    which nothing stands twice.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Names, such as C(ota_tests).
    required: true
"""

EXAMPLES = r"""
- name: Show the tests of this workflow
  ansible.builtin.debug:
    msg: "{{ lookup('hatci.automation.handed_on', 'ota_tests') }}"
"""

RETURN = r"""
_raw:
  description: For each name a dictionary or a list; an empty dictionary if nothing was handed on.
  type: list
  elements: raw
  sample: [{vehicle_001: {outcome: PASS}}]
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.plugin_utils.workflow_data import joined, names_of


class LookupModule(LookupBase):
    """Looks through the variables."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return one value for each name."""
        known = variables or {}
        self._templar.available_variables = known
        return [joined(self._templar.template(known[found]) for found in names_of(known, name)) for name in terms]
