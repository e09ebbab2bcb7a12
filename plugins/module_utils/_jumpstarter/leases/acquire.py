# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting hold of a controller's device: first a keeper, then the lease, and nothing left behind on failure."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    Controller,
    is_permanent,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import hand_over, start_keeper
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles, Record
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import (
    HOST_TAG,
    JOB_TAG,
    Request,
    record_of,
    tags_of,
    wanted_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import label_of, new_lease_name
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import LaunchedWatcher, NotWatching

SAY_SECONDS = 60.0
OUTAGE_SECONDS = 60.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0


def acquire_from_controller(controller: Controller, request: Request) -> Record:
    """Lease a device from the controller and return the lease's record.

    :raises LeaseRefused: the request can never be met, or another device came than expected.
    :raises LeaseTimeout: the device did not become free in time.
    """
    name = new_lease_name(request.caller.job, request.caller.host)
    files = LeaseFiles(name)
    controller.jmp.lease = name
    keeper = start_keeper(name, files, request, config=controller.config) if request.caller.owner else None
    try:
        held, not_before = _create_and_wait(controller, name, request)
        if request.expected_exporter and not _is_expected(controller, held.exporter, request.expected_exporter):
            raise errors.LeaseRefused(
                f"The lease brought exporter {held.exporter}, but {request.expected_exporter} was expected; "
                "nothing was done with it. Check the selector and the exporters' labels."
            )
        record = {
            **record_of(name, CONTROLLER, request, files, keeper),
            "exporter": held.exporter,
            "config": controller.config,
            "lease": held.shown,
        }
        files.write(record)
        if keeper:
            hand_over(keeper, name, time.monotonic() - not_before)
    except BaseException as error:
        _take_back(controller, name, keeper, error)
        files.remove()
        raise
    return record


def _is_expected(controller: Controller, brought: str, expected: str) -> bool:
    label = label_of(expected, "expected_exporter")
    return brought in controller.exporters(label) if label else brought == expected


def _create_and_wait(controller: Controller, name: str, request: Request) -> tuple[lease.Lease, float]:
    """Return the lease, and a monotonic time at which it was surely not held yet."""
    not_before = time.monotonic()
    deadline = not_before + request.timeout
    outage = _Outage(deadline)
    _create(controller, name, request, outage)
    pause, said = FIRST_PAUSE, float("-inf")
    while True:
        found = None
        asked = time.monotonic()
        try:
            found = controller.find(name)
            outage.over()
        except (errors.JmpFailed, errors.JmpTimeout) as error:
            outage.bear(error)
        if found and found.state == lease.HELD:
            return found, not_before
        not_before = asked if found else not_before
        if found and found.state != lease.PENDING:
            raise errors.LeaseRefused(
                f"{request.what} can't be leased: {found.message or found.state}. Check the name or selector."
            )
        if time.monotonic() >= deadline:
            raise errors.LeaseTimeout(
                f"{request.what} did not become free within {request.timeout:g} s: {_who(controller, request)}. "
                "The request was taken back."
            )
        if found and time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            request.say(f"waiting for {request.what}: {_who(controller, request)}")
        request.pause(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(LONGEST_PAUSE, pause * 1.5)


def _create(controller: Controller, name: str, request: Request, outage: _Outage) -> None:
    """Ask for the lease until the controller has it; the same name makes no second one."""
    wanted = wanted_arguments(request.exporter, request.selector)
    while True:
        try:
            controller.create(name, wanted, request.duration, tags_of(request.caller))
            return
        except (errors.JmpFailed, errors.JmpTimeout) as error:
            outage.bear(error)
        request.pause(FIRST_PAUSE)
        try:
            if controller.find(name):
                return
        except (errors.JmpFailed, errors.JmpTimeout) as error:
            outage.bear(error)


class _Outage:
    """How long the controller has been out of reach."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._since: float | None = None

    def over(self) -> None:
        self._since = None

    def bear(self, error: errors.JmpFailed | errors.JmpTimeout) -> None:
        """Go on for a while, unless trying again cannot help."""
        now = time.monotonic()
        self._since = self._since or now
        lasting = isinstance(error, errors.JmpFailed) and is_permanent(error)
        if lasting or now - self._since > OUTAGE_SECONDS or now > self._deadline:
            raise error


def _who(controller: Controller, request: Request) -> str:
    try:
        holder = controller.holder_of(request.exporter or "", request.selector or "")
    except errors.JumpstarterError as error:
        return f"who holds it can't be seen ({error.message})"
    if holder is None:
        return "no one is seen to hold it; is the exporter online?"
    job = holder.tags.get(JOB_TAG)
    by = f" for job {job}, host {holder.tags.get(HOST_TAG, '?')}" if job else ""
    return f"client {holder.client}{by} holds {holder.exporter} until {holder.until} or longer"


def _take_back(controller: Controller, name: str, keeper: LaunchedWatcher | None, why: BaseException) -> None:
    """Leave no lease behind; the keeper goes on trying where this does not succeed at once."""
    try:
        controller.delete(name)
    except errors.JumpstarterError as error:
        is_refused = isinstance(why, errors.JmpFailed) and is_permanent(why)
        if isinstance(why, errors.JumpstarterError) and not is_refused:
            why.message += f" Its lease {name} could not be taken back yet ({error.message})."
        if keeper:
            with contextlib.suppress(NotWatching):
                keeper.leave_alone()
    else:
        if keeper:
            keeper.dismiss()
