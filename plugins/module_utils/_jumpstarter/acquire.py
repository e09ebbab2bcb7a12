# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting hold of a device: first a keeper, then the lease, and nothing left behind on failure."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors, keeper_process, lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.client_config import CONTROLLER, LOCAL
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.controller import Controller, is_lasting
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.locks import (
    Holder,
    describe_holder,
    lock_path,
    read_holder,
    try_lock,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.marked import end_marked
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.names import label_value, new_lease_name
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.runtime import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import remove_old_logs
from ansible_collections.hatci.automation.plugins.module_utils._watchers.started import NotWatching, StartedWatcher

SAY_SECONDS = 60.0
OUTAGE_SECONDS = 60.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
LOCK_PAUSE = 0.25
JOB_TAG = "hatci-job"
HOST_TAG = "hatci-host"

Say = t.Callable[[str], None]


class Request(t.NamedTuple):
    """What is asked for.

    ``duration``, ``timeout`` and ``max_hold`` are seconds; ``timeout`` bounds the wait for the device.
    """

    caller: Caller
    exporter: str | None
    selector: str | None
    duration: float
    timeout: float
    max_hold: float | None
    expected_exporter: str | None
    say: Say

    @property
    def what(self) -> str:
        """The device in words."""
        return f"exporter {self.exporter}" if self.exporter else f"selector {self.selector}"

    def pause(self, seconds: float) -> None:
        """Wait, as long as the play lives."""
        if self.caller.owner:
            self.caller.owner.sleep(seconds)
        else:
            time.sleep(seconds)


def acquire_from_controller(controller: Controller, request: Request) -> dict[str, t.Any]:
    """Lease a device from the controller and return the lease's record.

    :raises LeaseRefused: the request can never be met, or another device came than expected.
    :raises LeaseTimeout: the device did not become free in time.
    """
    name = new_lease_name(request.caller.job, request.caller.host)
    files = LeaseFiles(name)
    controller.jmp.lease = name
    keeper = _start_keeper(name, files, request, config=controller.config) if request.caller.owner else None
    try:
        held, not_before = _create_and_wait(controller, name, request)
        if request.expected_exporter and held.exporter != request.expected_exporter:
            raise errors.LeaseRefused(
                f"The lease brought exporter {held.exporter}, but {request.expected_exporter} was expected; "
                "nothing was done with it. Check the selector and the exporters' labels."
            )
        record = {
            **_record(name, CONTROLLER, request, files, keeper),
            "exporter": held.exporter,
            "config": controller.config,
            "lease": held.shown,
        }
        files.write(record)
        if keeper:
            _hand_over(keeper, name, time.monotonic() - not_before)
    except BaseException as error:
        _take_back(controller, name, keeper, error)
        files.remove()
        raise
    return record


def acquire_local(lock_directory: str, request: Request) -> dict[str, t.Any]:
    """Lock a device against everyone else on this machine and return the lease's record.

    :raises LeaseTimeout: the device did not become free in time.
    """
    exporter = local_exporter(request.exporter, request.selector)
    if request.expected_exporter and exporter != request.expected_exporter:
        raise errors.LeaseRefused(
            f"The lease is for exporter {exporter}, but {request.expected_exporter} was expected; nothing was done."
        )
    name = new_lease_name(request.caller.job, request.caller.host)
    files = LeaseFiles(name)
    path = lock_path(lock_directory, exporter)
    holder = {
        "job": request.caller.job,
        "host": request.caller.host,
        "pid": request.caller.owner.pid if request.caller.owner else None,
        "lease": name,
    }
    lock, holder_before = _wait_for_lock(path, request, holder)
    keeper = None
    try:
        _end_what_drives(holder_before)
        keeper = _start_keeper(name, files, request, config=None, lock=lock)
        record = {
            **_record(name, LOCAL, request, files, keeper),
            "exporter": exporter,
            "config": None,
            "lease": {"name": name, "exporter": exporter, "lock": str(path), **holder},
        }
        files.write(record)
        _hand_over(keeper, name, 0.0)
    except BaseException:
        if keeper:
            keeper.dismiss()
        files.remove()
        raise
    finally:
        os.close(lock)
    return record


def local_exporter(exporter: str | None, selector: str | None) -> str:
    """Return the exporter that a local lease is for.

    :raises InputError: a selector other than ``exporter=NAME`` needs a controller.
    """
    key, _sign, value = (selector or "").partition("=")
    named = exporter or (value.lstrip("=").strip() if key.strip() == "exporter" and "," not in value else "")
    if not named:
        raise errors.InputError(
            f"Without a controller there is no one to match the selector {selector!r}; "
            "give the exporter's name, or a selector exporter=NAME."
        )
    return named


def tags_of(caller: Caller) -> dict[str, str]:
    """Return the tags that tell whose lease it is."""
    return {JOB_TAG: label_value(caller.job), HOST_TAG: label_value(caller.host)}


def wanted_arguments(exporter: str | None, selector: str | None) -> list[str]:
    """Return how ``jmp create lease`` is told the device."""
    return ["-l", selector] if selector else ["-n", exporter or ""]


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
        lasting = isinstance(error, errors.JmpFailed) and is_lasting(error)
        if lasting or now - self._since > OUTAGE_SECONDS or now > self._deadline:
            raise error


def _end_what_drives(holder: Holder) -> None:
    """End what the last holder of a lock left running, as it does if its keeper was killed."""
    left_by = holder.get("lease")
    if isinstance(left_by, str) and left_by:
        end_marked(left_by)


def _wait_for_lock(path: pathlib.Path, request: Request, holder: Holder) -> tuple[int, Holder]:
    """Return the descriptor that holds the lock, and who had it before."""
    deadline = time.monotonic() + request.timeout
    said = float("-inf")
    while True:
        holder["since"] = time.time()
        locked = try_lock(path, holder)
        if locked:
            return locked
        who = describe_holder(read_holder(path))
        if time.monotonic() >= deadline:
            raise errors.LeaseTimeout(
                f"{request.what} did not become free within {request.timeout:g} s: {who} has it (lock {path})."
            )
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            request.say(f"waiting for {request.what}: {who} has it")
        request.pause(max(0.0, min(LOCK_PAUSE, deadline - time.monotonic())))


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


def _take_back(controller: Controller, name: str, keeper: StartedWatcher | None, why: BaseException) -> None:
    """Leave no lease behind; the keeper goes on trying where this does not succeed at once."""
    try:
        controller.delete(name)
    except errors.JumpstarterError as error:
        if isinstance(why, errors.JumpstarterError):
            why.message += f" Its lease {name} could not be taken back yet ({error.message})."
        if keeper:
            with contextlib.suppress(NotWatching):
                keeper.leave_alone()
    else:
        if keeper:
            keeper.dismiss()


def _start_keeper(
    name: str, files: LeaseFiles, request: Request, *, config: list[str] | None, lock: int | None = None
) -> StartedWatcher:
    remove_old_logs(files.log.parent)
    owner = request.caller.owner
    order = {
        "name": name,
        "owner": [owner.pid, owner.start] if owner else None,
        "config": config,
        "duration": request.duration,
        "max_hold": request.max_hold,
        "log": str(files.log),
        "record": str(files.record),
        "trouble": str(files.trouble),
        "environment": dict(os.environ),
    }
    try:
        return StartedWatcher(keeper_process, order, descriptor=lock)
    except NotWatching as error:
        raise errors.JumpstarterError(
            f"The keeper of lease {name} did not start ({error}), so the lease would not be safe and was not taken."
        ) from None


def _hand_over(keeper: StartedWatcher, name: str, elapsed: float) -> None:
    """Tell the keeper for how many seconds at the most the lease has been held; it is the keeper's business now."""
    try:
        keeper.tell({"elapsed": elapsed})
        keeper.leave_alone()
    except NotWatching as error:
        raise errors.LeaseLost(f"The keeper of lease {name} is gone ({error}), so the lease was given back.") from None


def _record(
    name: str, mode: str, request: Request, files: LeaseFiles, keeper: StartedWatcher | None
) -> dict[str, t.Any]:
    return {
        "name": name,
        "mode": mode,
        "what": request.what,
        "asked": request.exporter or (request.selector or "").removeprefix("exporter="),
        "job": request.caller.job,
        "host": request.caller.host,
        "watch_pid": request.caller.owner.pid if request.caller.owner else None,
        "since": time.time(),
        "duration": request.duration,
        "keeper": keeper.identity if keeper else None,
        "keeper_log": str(files.log) if keeper else None,
    }
