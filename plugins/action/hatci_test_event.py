# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import watch_test_event
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import NotWatching
from ansible_collections.hatci.automation.plugins.modules import hatci_test_event
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process


class ActionModule(InProcessAction):
    """Runs the module of the same name, and has the test event closed if the play dies."""

    module = hatci_test_event

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if not options["abort_with_play"] or self._task.check_mode:
            return
        try:
            watch_test_event(options, result, playbook_process())
        except (NotWatching, DirectoryUnsafe, OSError) as error:
            result.setdefault("warnings", []).append(
                f"Test event {result['test_event_id']} will stay open if this play dies: no closer ({error})."
            )
