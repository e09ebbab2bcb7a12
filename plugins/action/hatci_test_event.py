# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import (
    announce_creation,
    claim_of,
    close_test_event,
    watch_test_event,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_evidence
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import SumsError
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import NO_JOB
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import NotWatching
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone, works_for
from ansible_collections.hatci.automation.plugins.modules import hatci_test_event
from ansible_collections.hatci.automation.plugins.plugin_utils.detached import DetachedKilled, run_detached
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import directory_of

Values = dict[str, t.Any]

CLAIMS, MACHINE = "__hatci_ota_test_claims", "machine"
"""Variable that says against whom a test claims its vehicle: the other hosts of the run, or the whole machine."""


class ActionModule(InProcessAction):
    """Runs the module of the same name, and has the test event closed if the play ends without reporting.

    The closer stands before SUMS is asked, and a process that a signal to the play does not reach asks it: so whatever
    is killed, somebody knows of the test event.
    """

    module = hatci_test_event

    def complete_arguments(self) -> None:
        given, job = self._task.args.get("ansible_job_id"), job_of(self._task_vars).id
        if job and given in (None, "", NO_JOB):
            self._task.args["ansible_job_id"] = job

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        if not options["abort_with_play"] or self._task.check_mode:
            return run()
        owner = playbook_process()
        try:
            return run_detached(lambda: self._create(options, run, owner))
        except DetachedKilled:
            return {
                "failed": True,
                "outcome": "ERROR",
                "msg": "The process that asked SUMS for a test event was killed; it is unknown whether SUMS has it. "
                f"Look in SUMS for a test event of VIN {options['vin']} before you run this again.",
            }
        except OSError as error:
            return {
                "failed": True,
                "outcome": "ERROR",
                "msg": f"No process could be started to create the test event: {error.strerror}. Nothing was created.",
            }

    def _create(self, options: Values, run: t.Callable[[], Values], owner: Owner) -> Values:
        trouble: Exception | None = None
        try:
            if busy := announce_creation(owner, self._claim(options)):
                return _refused(options["vin"], busy)
            note_evidence(owner, self.host, directory_of(self._task_vars))
        except (NotWatching, DirectoryUnsafe, OSError) as error:
            trouble = error
        try:
            result = run()
        finally:
            # A module's files, which hold the token, were made by this process, so ansible-playbook cannot remove them.
            self.cleanup()
        if result.get("failed"):
            return result
        try:
            watch_test_event(options, result, self.host, owner)
        except OwnerGone:
            self._close(options, result)
        except (NotWatching, DirectoryUnsafe, OSError) as error:
            reason = trouble or error
            result.setdefault("warnings", []).append(
                f"Test event {result['test_event_id']} will stay open if this play dies: no closer ({reason})."
            )
        return result

    def _claim(self, options: Values) -> Values | None:
        """Return the claim of a whole test; a test event alone may be one of several of a vehicle."""
        claims = self._templar.template(self._task_vars.get(CLAIMS))
        return claim_of(options, self.host, on_machine=claims == MACHINE) if claims else None

    def _close(self, options: Values, result: Values) -> None:
        try:
            with works_for(None):
                close_test_event(options, result, self.host)
        except SumsError as error:
            result.setdefault("warnings", []).append(f"Test event {result['test_event_id']} is open: {error.message}")

    def find_failure(self, result: Values) -> Values | None:
        """No test event has come of it, and an earlier one has nothing to do with it."""
        return None


def _refused(vin: str, busy: str) -> Values:
    return {
        "failed": True,
        "outcome": "ERROR",
        "msg": f"A test of VIN {vin} is under way for {busy}, and two would update one vehicle at once; wait until "
        "it has ended, or give this host the VIN of its own vehicle. Nothing was created.",
    }
