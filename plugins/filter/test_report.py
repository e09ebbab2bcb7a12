# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_report
short_description: What SUMS is told of an outcome
description:
  - SUMS knows V(PASS) and V(FAIL). Any other outcome is a V(FAIL) whose summary begins with it.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The test, as C(outcome) and C(summary).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what SUMS is told
  ansible.builtin.debug:
    msg: "{{ {'outcome': 'TIMEOUT', 'summary': 'It was IN_PROGRESS.'} | hatci.automation.test_report }}"
"""

RETURN = r"""
_value:
  description: C(status) and C(summary) of M(hatci.automation.hatci_test_event_update).
  type: dict
  sample: {status: FAIL, summary: "TIMEOUT: It was IN_PROGRESS."}
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.test_words import reported


def test_report(test: t.Any) -> dict[str, str]:
    """Return what SUMS is told of an outcome."""
    return reported(test)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_report": test_report}
