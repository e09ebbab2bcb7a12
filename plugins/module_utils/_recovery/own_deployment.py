# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding a deployment against the test event that is to be decided by it."""

from __future__ import annotations

import contextlib

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import seconds_of
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import handed_over
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Trace
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import require_record
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import describe
from ansible_collections.hatci.automation.plugins.module_utils._sums.events import look_at_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import NO_EVENT
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_id
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_report
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

NOTHING_DONE = "Nothing was changed."

CLOCK_SECONDS = 5.0
"""By so much the clocks of a SUMS that is more than one machine may differ."""


def check_deployment(client: SumsClient, trace: Trace, vin: str) -> float | None:
    """Note the event of a deployment, which must be one for the vehicle.

    :returns: when it was created, in seconds since the epoch; None if SUMS does not tell.
    :raises InputError: it is for another vehicle, or of another event than the test.
    """
    reply = client.get("deployments", trace.deployment_id)
    record = require_record(reply, "deployment", "deployment_id", trace.deployment_id)
    event_id = find_id(record, "event_id") or ""
    if trace.event_id and event_id and event_id != trace.event_id:
        raise _other_deployment(trace, f"the test is of event {trace.event_id} and not of {event_id}")
    trace.event_id = trace.event_id or event_id
    told = record.get("vin")
    if trace.event_id and not isinstance(told, str):
        with contextlib.suppress(errors.NotFound):
            told = look_at_event(client, trace.event_id).record.get("vin")
    if isinstance(told, str) and not same_vin(told, vin):
        raise errors.InputError(
            f"Deployment {trace.deployment_id} is for the vehicle with VIN {told[:60]} and not for {vin}, so it "
            f"belongs to another test event; give the ids of one test. {NOTHING_DONE}"
        )
    return seconds_of(describe(record)["timestamps"].get("created_at"))


def refuse_other_deployment(client: SumsClient, trace: Trace, held: Record, created: float | None) -> None:
    """Refuse a deployment that a test event has nothing to do with, as far as SUMS tells of which one it is.

    :param created: when the deployment was.
    :raises InputError: it says so.
    """
    mark = handed_over(held)
    target, deployment_id = find_id(mark, "target_event_id"), find_id(mark, "deployment_id")
    if deployment_id and deployment_id != trace.deployment_id:
        problem = f"it was handed over with deployment {deployment_id}"
    elif other := next((one for one in (target, find_id(held, "event_id")) if _is_other(one, trace.event_id)), None):
        problem = f"the test is of event {other} and not of {trace.event_id}"
    else:
        began = seconds_of(held.get("created_at"))
        if began is None or created is None or created > began - CLOCK_SECONDS:
            return
        raise _other_deployment(trace, "the deployment is older than the test", done="")
    if target and _is_other(target, trace.event_id):
        # To look may have linked it: where SUMS has no call to read a test event, its event is sent.
        send_report(client, trace.test_event_id, {"event_id": target}, {})
    raise _other_deployment(trace, problem)


def _is_other(event_id: str | None, wanted: str) -> bool:
    return bool(event_id and wanted and event_id not in (NO_EVENT, wanted))


def _other_deployment(trace: Trace, why: str, done: str = NOTHING_DONE) -> errors.InputError:
    return errors.InputError(
        f"Test event {trace.test_event_id} has nothing to do with deployment {trace.deployment_id}: {why}; give the "
        f"ids of one test. {done}".rstrip()
    )
