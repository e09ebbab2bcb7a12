# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wave_stop
short_description: Why the wave of this vehicle must not begin
description:
  - Looks at what the tests of the wave before handed on as C(ota_result). Returns one sentence if the wave of the
    current host must not begin, an empty one if it may.
  - A test without an outcome counts as failed.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: Nothing.
  waves:
    description: The waves, up to so many vehicles in all, each number or share counted from the first vehicle.
    type: raw
  stop_at:
    description: Percentage of failed vehicles of a wave at which no further one begins; with V(0) one does that.
    type: raw
    default: 0
"""

EXAMPLES = r"""
- name: Leave out a vehicle whose wave must not begin
  ansible.builtin.meta: end_host
  when: lookup('hatci.automation.wave_stop', waves=[1, '100%'], stop_at=20) | length > 0
"""

RETURN = r"""
_raw:
  description: One sentence, or an empty one.
  type: list
  elements: str
  sample: ["3 of 19 vehicles of wave 2 failed, and ota_fleet_stop_at_fail_percentage is 10, so no further wave began."]
"""

import multiprocessing
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._outcome import VehicleTest
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable
from ansible_collections.hatci.automation.plugins.plugin_utils.handed_on import handed_on_by
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import playbook_process

_decided: dict[tuple[t.Any, int], str] = {}
"""What was decided of a wave of a run: its vehicles ask one after the other, and what they ask of has ended."""


class LookupModule(LookupBase):
    """Decides from what the tests of the wave before handed on."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the sentence."""
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        vehicles: list[str] = known["ansible_play_hosts_all"]
        try:
            waves = Waves.of(self.get_option("waves"), len(vehicles), self.get_option("stop_at"))
        except WavesUnusable as error:
            raise AnsibleError(str(error)) from None
        wave = waves.wave_of(vehicles.index(known["inventory_hostname"])) if waves.sizes else 1
        if wave == 1:
            return [""]
        key = (known.get("__ota_fleet_began"), wave)
        if key[0] is None or key not in _decided:
            _decided[key] = self._decide(waves, wave - 1, vehicles, known["hostvars"])
        return [_decided[key]]

    @staticmethod
    def _decide(waves: Waves, before: int, vehicles: list[str], hostvars: t.Any) -> str:
        run = _this_run()
        tests = [handed_on_by(host, hostvars[host], run) for host in vehicles[slice(*waves.bounds(before))]]
        good = [VehicleTest.of(test["vehicle"], test["result"], test["reason"]).is_good for test in tests]
        stop = waves.stop_after(before, good)
        return stop.reason if stop else ""


def _this_run() -> str:
    """Return the identity of ansible-playbook, in which a condition of a meta task is looked at."""
    if multiprocessing.parent_process() is None:
        return Owner.of(os.getpid()).identity
    return playbook_process().identity
