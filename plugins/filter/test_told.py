# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: test_told
short_description: The last sentence of a test
description:
  - Returns how a test ended, what went wrong after that, how to go on with it if it ran out of time, and how to enter
    a device that stays leased.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: Outcome and summary of the test, and C(reason) if a task failed.
    type: dict
    required: true
  result:
    description: The registered result of M(hatci.automation.hatci_outcome).
    type: dict
    required: true
  troubles:
    description: What went wrong after the outcome was known.
    type: list
    elements: str
    default: []
  go_on:
    description: Name of the host for which the test can be resumed, empty if it cannot.
    type: str
    default: ""
  kept:
    description: The device that stays leased, with C(kept_until), C(enter) and C(give_back); empty if none does.
    type: dict
    default: {}
  console:
    description: File in which the console of that device is recorded.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Tell the outcome
  ansible.builtin.debug:
    msg: "{{ {'outcome': 'FAIL', 'summary': 'The dashboard is dark.'} | hatci.automation.test_told(ota_result) }}"
"""

RETURN = r"""
_value:
  description: One or more sentences.
  type: str
  sample: "FAIL 1HGBH41JXMN109186: The dashboard is dark."
"""

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.test_words import told


def test_told(
    test: t.Any, result: t.Any, troubles: t.Any = (), go_on: t.Any = "", kept: t.Any = None, console: t.Any = ""
) -> str:
    """Return the last sentence of a test."""
    return told(test, result, list(troubles), str(go_on or ""), kept or {}, str(console or ""))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"test_told": test_told}
