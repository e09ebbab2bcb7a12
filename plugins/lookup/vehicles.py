# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vehicles
short_description: The hosts of a play that must not be skipped
description:
  - For the C(hosts) of a play. Returns the pattern if it matches a host within the C(--limit) of this run.
  - If it matches none, returns C(localhost), where the play can refuse to go on, for a play without hosts is
    skipped, and a run that tested nothing would end with exit code 0. If C(--limit) excludes C(localhost) too, or the
    inventory lists it as a host of its own, the lookup fails.
  - Fails if a part of the pattern that adds hosts, such as one of several vehicles, matches none. Ansible goes on with
    the other parts.
  - Fails if a source of the inventory does not exist, if P(hatci.automation.hatci#inventory) could not read one, or if
    one of several, or of a directory, cannot be parsed; those are read once more for that, but not our own.
    Ansible goes on with the other sources, so the run would be green for the vehicles that are left.
  - Fails if the pattern is empty, which Ansible takes for every host.
  - Fails under C(--start-at-task). Where it matches nothing, as a task that is included does not, Ansible skips every
    task and ends with exit code 0; where it matches, it leaves out what tests the vehicles.
  - Fails if C(--skip-tags) names C(always) or C(tagged), which would leave out the tasks that decide on the exit code.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: One host pattern.
    required: true
  waves:
    description: The waves of the fleet, as C(ota_fleet_waves).
    type: raw
  wave:
    description:
      - Number of the only wave that is meant, from 1; the whole fleet with V(0).
      - The second and later ones are counted in C(ota_vehicles), which the job of the first hands on, so that vehicles
        which came to the inventory or left it meanwhile move none to another wave.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Look at the vehicles
  hosts: "{{ lookup('hatci.automation.vehicles', ota_hosts | default('all')) }}"
  gather_facts: false
  tasks:
    - name: Refuse a run without vehicles
      ansible.builtin.assert:
        that: inventory_hostname != 'localhost'
"""

RETURN = r"""
_raw:
  description: The pattern, or C(localhost).
  type: list
  elements: str
  sample: ["program_OTA_Test:&region_US"]
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._arguments import describe_other
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_hosts import matching_hosts, unmatched_parts
from ansible_collections.hatci.automation.plugins.plugin_utils.inventory_sources import missing_sources

LOCALHOST = "localhost"
HIDING = {"always", "tagged"}
"""Whoever skips these tags skips what decides on the exit code."""


class LookupModule(LookupBase):
    """Matches a pattern with the hosts of the inventory and the limit of this run."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the pattern, or localhost."""
        if len(terms) != 1:
            raise AnsibleError("The lookup hatci.automation.vehicles takes one host pattern.")
        pattern = _pattern_of(terms[0])
        if not pattern.strip(" ,:"):
            raise AnsibleError("The host pattern is empty; give a vehicle, a group, or all. Nothing was done.")
        variables = variables or {}
        if hidden := HIDING & set(variables.get("ansible_skip_tags") or []):
            raise AnsibleError(
                f"--skip-tags {', '.join(sorted(hidden))} would leave out what decides whether this run has passed; "
                "leave that out. Nothing was done."
            )
        if start := context.CLIARGS.get("start_at_task"):
            raise AnsibleError(
                f"--start-at-task {start!r} would leave out what tests the vehicles, or what decides whether this run "
                "has passed; leave that out. Nothing was done."
            )
        self.set_options(var_options=variables, direct=kwargs)
        if found := matching_hosts(self._loader, variables, pattern):
            # A play on localhost is about no vehicle.
            if pattern != LOCALHOST and (missing := missing_sources(variables)):
                raise AnsibleError(
                    f"A part of the inventory is missing, and with it vehicles that would not be tested: "
                    f"{'; '.join(missing).rstrip('.')}. Correct it or leave it out; nothing was done."
                )
            if unmatched := unmatched_parts(self._loader, variables, pattern):
                raise AnsibleError(
                    f"No host matches {', '.join(unmatched)} of the pattern {pattern}; nothing was done."
                )
            return self._wave_of(found, variables.get("ota_vehicles")) or [pattern]
        if LOCALHOST in (variables.get("groups") or {}).get("all", ()):
            # There the plays could not tell it from a vehicle that was asked for.
            raise AnsibleError(f"No host matches {pattern}; give an inventory with one host per vehicle.")
        if matching_hosts(self._loader, variables, LOCALHOST):
            return [LOCALHOST]
        raise AnsibleError(
            f"No host matches {pattern} within --limit {variables.get('ansible_limit')}; nothing was done."
        )

    def _wave_of(self, found: list[str], handed_on: t.Any) -> list[str]:
        """Return the vehicles of the one wave that was asked for; none if all were.

        :param handed_on: the fleet with which the first wave began, since others may be in the inventory by now.
        :raises AnsibleError: there is no such wave, or the waves are none, which must be known before one begins.
        """
        wave = self.get_option("wave")
        vehicles = list(map(str, handed_on)) if wave > 1 and handed_on and isinstance(handed_on, list) else found
        try:
            waves = Waves.of(self.get_option("waves"), len(vehicles))
        except WavesUnusable as error:
            raise AnsibleError(str(error)) from None
        if not wave:
            return []
        if not 0 < wave <= len(waves.sizes):
            raise AnsibleError(
                f"ota_fleet_wave is {wave}, but ota_fleet_waves makes {len(waves.sizes)} waves of this fleet."
            )
        left = [vehicle for vehicle in vehicles[slice(*waves.bounds(wave))] if vehicle in found]
        if not left:
            raise AnsibleError(
                f"None of the vehicles of wave {wave} is in the inventory any more, or within --limit; "
                "nothing was done."
            )
        return [",".join(left)]


def _pattern_of(given: t.Any) -> str:
    """Return a host pattern as text.

    :raises AnsibleError: it is neither text nor a list.
    """
    if isinstance(given, (list, tuple)):
        return ",".join(map(str, given))
    if given is not None and not isinstance(given, str):
        raise AnsibleError(
            f"The host pattern is {describe_other(given)}; give a vehicle, a group, or all, in quotes. "
            "Nothing was done."
        )
    return given or ""
