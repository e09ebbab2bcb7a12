# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import announce_report, settle_test_event
from ansible_collections.hatci.automation.plugins.modules import hatci_test_event_update
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process

Values = dict[str, t.Any]


class ActionModule(InProcessAction):
    """Runs the module of the same name, and tells the closer of the test event about it."""

    module = hatci_test_event_update

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        # A kept report may be of another play, and without a status the test event stays open.
        if not options["status"] or options["kept_report"] or self._task.check_mode:
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

    def find_failure(self, result: Values) -> Values | None:
        """What could not be sent is known to the closer."""
        return None
