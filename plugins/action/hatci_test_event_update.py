# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import leases_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import (
    announce_report,
    settle_test_event,
    what_is_known,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_lease
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner
from ansible_collections.hatci.automation.plugins.modules import hatci_test_event_update
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.lease_proof import (
    LOST,
    Doubt,
    doubt_of_leases,
    judged_anew,
)

Values = dict[str, t.Any]


class ActionModule(InProcessAction):
    """Runs the module of the same name, and tells the closer of the test event about it.

    A verdict is only reported where the device of the host was held for the whole of its test.
    """

    module = hatci_test_event_update
    _known: Values | None = None

    def extras(self) -> Values:
        return {"known": self._known} if self._known else {}

    def examine(self, options: Values, run: t.Callable[[], Values]) -> Values:
        if not _is_report(options) or self._task.check_mode:
            return run()
        owner = playbook_process()
        known = what_is_known(options, self.host, owner)
        self._known = known if known.get("is_own") else None
        doubt = self._doubt(options, known, owner)
        given, other = self._task.args, judged_anew(options, doubt)
        refuses_pass = bool(other) and options["status"] == "PASS"
        options.update(other)
        self._task.args = {**given, **other}
        try:
            result = run()
        finally:
            self._task.args = given
        return _told(result, doubt.words, refuses_pass=refuses_pass) if doubt and other else result

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        if not _is_report(options) or self._task.check_mode:
            return run()
        owner = playbook_process()
        warnings = []
        try:
            announce_report(options, owner)
        except OSError as error:
            warnings.append(
                f"The closer of this play does not react ({error}), so it may overwrite the outcome of test event "
                f"{options['test_event_id']} when the play ends; look at the test event in SUMS then."
            )
        result = run()
        # The record of another test must not be changed a second time by the closer.
        if not result.get("failed") or result.get("another_record"):
            settle_test_event(options, owner)
        return {**result, "warnings": [*result.get("warnings", []), *warnings]} if warnings else result

    def _doubt(self, options: Values, known: Values, owner: Owner) -> Doubt | None:
        """Return what is known against the device having been held for the whole of this test."""
        if known.get("doubt"):
            return Doubt(known["doubt"]["words"], known["doubt"]["is_lost"])
        if not known.get("is_own") and self._task_vars.get("__jumpstarter_lease_guard_lost") is True:
            return LOST
        if options["status"] != "PASS":
            return None
        caller = Caller.of_host(self.host, owner)
        names = {*known.get("leases", ()), *leases_of(caller)}
        for name in names:
            note_lease(owner, self.host, name)
        return doubt_of_leases(sorted(names), caller)

    def find_failure(self, result: Values) -> Values | None:
        """What could not be sent is known to the closer."""
        return None


def _is_report(options: Values) -> bool:
    """Whether an outcome is reported: a kept report may be of another play, and others leave a test event open."""
    return bool(options["status"]) and not options["kept_report"]


def _told(result: Values, words: str, *, refuses_pass: bool) -> Values:
    """Return the result of a report that says something else than the task."""
    if not refuses_pass:
        return {**result, "warnings": [*result.get("warnings", []), f"The outcome was reported as ERROR. {words}"]}
    what = "It could not be reported as ERROR either:" if result.get("failed") else "ERROR was reported."
    message = " ".join(["PASS was not reported.", words, what, str(result.get("msg") or "")]).strip()
    return {**result, "failed": True, "outcome": "ERROR", "msg": message}
