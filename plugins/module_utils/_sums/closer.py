# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the closer of a play and leaving test events to it, from the task's side."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import closer_process
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import (
    closer_log,
    closer_socket_name,
    send_to_closer,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import CONNECTION_ARGUMENTS, Connection
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import what_was_created
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import without_unset
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import FIELDS, default_directory
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import outcome_of, send_left_report
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import (
    NoListener,
    open_control_socket,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import (
    absolute_path,
    python_search_path,
    watcher_environment,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    remove_old_logs,
    runtime_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import LaunchedWatcher, NotWatching
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

START_SECONDS = 30.0
START_PAUSE = 0.05
SHARED = ("connection", "host", "job", "metadata", "keep_report_in", "vin", "created")
"""What the closer is told of a test event."""

Options = t.Mapping[str, t.Any]


def announce_creation(owner: Owner, claim: t.Mapping[str, t.Any] | None = None) -> str:
    """Tell the closer that this process is about to create a test event; the first one of a play starts its closer.

    :param claim: the vehicle that the test must have to itself, as :meth:`VehicleClaims.claim` takes it.
    :returns: in words who has the vehicle, so that nothing must be created; empty if nobody has.
    :raises NotWatching: the closer did not start.
    :raises DirectoryUnsafe: its log cannot be kept safely.
    :raises OSError: the closer does not react.
    :raises OwnerGone: the play has ended, so nothing must be created for it.
    """
    maker = Owner.of(os.getpid())
    answer = _send_or_start(owner, {"creating": [maker.pid, maker.start], **({"claim": claim} if claim else {})})
    if not owner.is_alive():
        raise OwnerGone("the ansible-playbook process has ended")
    return str(answer.get("busy") or "")


def claim_of(options: Options, host: str, *, on_machine: bool) -> dict[str, t.Any]:
    """Return the claim of a host on the vehicle of a test event that is to be created."""
    base_url = _which(options, "")["base_url"]
    return {"base_url": base_url, "vin": options["vin"] or "", "host": host, "on_machine": on_machine}


def watch_test_event(options: Options, result: Options, host: str, owner: Owner) -> None:
    """Have a test event closed should the play end before it has reported.

    :param options: of the task that created it.
    :param result: of that task.
    :param host: inventory name of the host that the test is of.
    :raises NotWatching: the closer is gone, and another one did not start.
    :raises DirectoryUnsafe: its log cannot be kept safely.
    :raises OSError: the closer does not react.
    :raises OwnerGone: the play and its closer have ended.
    """
    event = _open_test_event(options, result, host)
    watch = {
        **_which(options, event.test_event_id),
        **{name: getattr(event, name) for name in SHARED},
    }
    _send_or_start(owner, {"watch": watch, "created_by": os.getpid()})


def close_test_event(options: Options, result: Options, host: str) -> None:
    """Close, from here, a test event whose play has ended and has no closer any more.

    :raises SumsError: SUMS does not take it.
    """
    event = _open_test_event(options, result, host)
    with SumsClient(Connection.from_options(event.connection)) as client:
        send_left_report(client, event)


def announce_report(options: Options, owner: Owner) -> None:
    """Let the closer send this report should the play die while it sends it.

    :raises OSError: the closer does not react.
    :raises OwnerGone: the play is dead, so its closer reports and nobody else must.
    """
    report = {
        **_which(options, options["test_event_id"]),
        "report": without_unset(options, *FIELDS),
        "keep_report_in": absolute_path(options["keep_report_in"] or default_directory()),
    }
    try:
        with contextlib.suppress(NoListener):
            send_to_closer(owner, {"report": report})
    finally:
        if not owner.is_alive():
            raise OwnerGone("the ansible-playbook process has ended")


def settle_test_event(options: Options, owner: Owner) -> None:
    """Tell the closer that SUMS knows the outcome of a test event now; the closer has that outcome as well."""
    settled = {**_which(options, options["test_event_id"]), "outcome": outcome_of(options)}
    with contextlib.suppress(OSError, OwnerGone):
        send_to_closer(owner, {"settled": settled})


def what_is_known(options: Options, host: str, owner: Owner) -> dict[str, t.Any]:
    """Return what the closer, if there is one, knows of a test event and of the device of its host.

    :returns: ``is_own`` if this play created the test event, with ``created``, ``event_id``, ``event``, ``reported``
        and ``doubt`` as far as they are known; and the names of the ``leases`` that the host has.
    """
    with contextlib.suppress(OSError, OwnerGone):
        return send_to_closer(owner, {"ask": {**_which(options, options["test_event_id"]), "host": host}})
    return {}


def _open_test_event(options: Options, result: Options, host: str) -> OpenTestEvent:
    connection = {name: options[name] for name in CONNECTION_ARGUMENTS}
    for name, argument in CONNECTION_ARGUMENTS.items():
        if argument["type"] == "path" and connection[name]:
            connection[name] = absolute_path(connection[name])
    return OpenTestEvent(
        connection=connection,
        test_event_id=result["test_event_id"],
        host=host,
        job=str(result["test_event"].get("ansible_job_id", "unknown")),
        metadata=options["metadata"] or {},
        keep_report_in=default_directory(),
        vin=options["vin"] or "",
        created=what_was_created(result["test_event"]),
    )


def _which(options: Options, test_event_id: str) -> dict[str, str]:
    return {"base_url": options["hatci_base_url"].strip().rstrip("/"), "test_event_id": test_event_id}


def _send_or_start(owner: Owner, message: dict[str, t.Any]) -> dict[str, t.Any]:
    """Send the closer a message and return its answer, and start one if there is none.

    Other workers of the play may be doing the same.
    """
    deadline = Deadline(START_SECONDS)
    while True:
        try:
            return send_to_closer(owner, message)
        except NoListener:
            if deadline.expired:
                raise
        try:
            _start_closer(owner)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            time.sleep(START_PAUSE)


def _start_closer(owner: Owner) -> None:
    directory = runtime_directory()
    remove_old_logs(directory)
    with open_control_socket(closer_socket_name(owner)) as listening:
        order = {
            "owner": [owner.pid, owner.start],
            "log": str(closer_log(owner)),
            "listening": listening.fileno(),
            "search_path": python_search_path(),
            "environment": watcher_environment(),
        }
        try:
            LaunchedWatcher(closer_process, order, descriptor=listening.fileno()).leave_alone()
        except NotWatching:
            if not owner.is_alive():
                raise OwnerGone("the ansible-playbook process has ended") from None
            raise
