# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import leases_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_lease, note_lease_over
from ansible_collections.hatci.automation.plugins.modules import jumpstarter_lease
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.jumpstarter_action import JumpstarterAction
from ansible_collections.hatci.automation.plugins.plugin_utils.lease_proof import doubt_of_release

Values = dict[str, t.Any]


class ActionModule(JumpstarterAction):
    """Runs the module of the same name, shows who holds the device while it waits, and knows when that is in vain."""

    module = jumpstarter_lease

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        """Tell the closer which leases the host has, since no verdict counts whose device was lost."""
        state, name = options["state"], options["lease_name"]
        if self._task.check_mode or state not in ("acquire", "kept", "release"):
            return run()
        owner = playbook_process()
        has_record = bool(name) and name in leases_of(Caller.of_host(self.host, owner))
        result = run()
        if state == "acquire" and not result.get("failed"):
            note_lease(owner, self.host, result["lease_name"])
        elif state != "acquire" and name:
            doubt = doubt_of_release(result)
            told = dataclasses.asdict(doubt) if doubt else {}
            passed = note_lease_over(owner, self.host, name, told, has_record=has_record)
            if doubt and passed:
                message = f"PASS of {', '.join(passed)} is replaced by ERROR when the play ends. {doubt.words}"
                return {**result, "failed": True, "outcome": "ERROR", "msg": message, "is_disproved": True}
        return result

    def extras(self) -> Values:
        return {"say": lambda line: self.say(line + self._advice), "blocks_run": self.blocks_run}

    @property
    def _advice(self) -> str:
        hosts = len(self._task_vars.get("ansible_play_hosts_all", []))
        return advice_on_forks(int(self._task_vars.get("ansible_forks", hosts)), hosts)

    def blocks_run(self) -> bool:
        """Whether the other hosts of this run stand still while this one waits."""
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        return "linear" in strategy or int(self._task_vars.get("ansible_forks", 2)) == 1

    def find_progress(self, result: Values) -> Values | None:
        """A lease that is held lets the test go on; one that is given back or kept says nothing."""
        return None if self._task.args.get("state") in ("kept", "release") else {}


def advice_on_forks(forks: int, hosts: int) -> str:
    """Return what to do where hosts that wait can keep the one that holds the device from going on."""
    if forks >= hosts:
        return ""
    return (
        f" Each host that waits keeps one of {forks} forks, which the holder may need to go on, and there are {hosts} "
        f"hosts; run with --forks {hosts}."
    )
