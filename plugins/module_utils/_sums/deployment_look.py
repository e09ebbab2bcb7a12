# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the deployment of a test that nobody follows any more stands, in words."""

from __future__ import annotations

from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import AnotherRecord, NotFound, SumsError
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import find_progress
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS, Goals
from ansible_collections.hatci.automation.plugins.module_utils._sums.subject import Subject

LOOK_SECONDS = 10.0


def look_at_deployment(client: SumsClient, event: OpenTestEvent) -> None:
    """Note how the deployment of a test event stands now, if SUMS says so."""
    try:
        goals = Goals(SUCCESS, FAILURE)
        ids = (str(event.deployment_id), goals, event.event_id, event.vin or None)
        seen = Subject(client, "deployment", *ids).look(LOOK_SECONDS)
    except SumsError as error:
        event.lost_record = isinstance(error, (AnotherRecord, NotFound))
        return
    progress = find_progress(seen["status"])
    reason = f": {seen['reason']}" if seen["reason"] else ""
    event.deployment_seen = f"is {seen['state']}{f' at {progress:g} %' if progress is not None else ''}{reason}"
    event.deployment_failed = goals.is_failure(seen["state"])
    event.deployment_ended = event.deployment_failed or goals.is_success(seen["state"])
