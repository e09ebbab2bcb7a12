# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: keep_seconds
short_description: How long a device stays leased after a test
description:
  - Only a test that was not V(PASS) keeps its device, and one of a suite only if nothing follows, since a suite goes
    on with its device.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _input:
    description: The time that was given, C(ota_keep_device_seconds), in seconds; empty for none.
    type: raw
    required: true
  outcome:
    description: Outcome of the test.
    type: str
    required: true
  step:
    description: The step of the suite, empty outside one.
    type: dict
    default: {}
  check_mode:
    description: Whether nothing is leased at all.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show how long the device stays leased
  ansible.builtin.debug:
    msg: "{{ 600 | hatci.automation.keep_seconds('FAIL') }}"
"""

RETURN = r"""
_value:
  description: The time in seconds; 0 if the device is given back at once.
  type: float
  sample: 600.0
"""

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import GOOD


def keep_seconds(given: t.Any, outcome: str, step: t.Any = None, check_mode: bool = False) -> float:
    """Return how long a device stays leased after a test, in seconds."""
    is_over = not step or bool(step["ends_suite"])
    return float(given or 0) if is_over and outcome not in GOOD and not check_mode else 0.0


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"keep_seconds": keep_seconds}
