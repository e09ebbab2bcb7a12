# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting hold of a controller's device: first a keeper, then the lease, and nothing left behind on failure."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import full_stop
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import lease, replies
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    UNANSWERED,
    Controller,
    is_permanent,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import (
    find_keeper,
    hand_over,
    start_keeper,
    tell_of_request,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.lease_processes import (
    end_lease_processes,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    Record,
    is_in_use,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import (
    HOST_TAG,
    JOB_TAG,
    Request,
    record_of,
    refuse_vain_wait,
    tags_of,
    wanted_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import label_of, new_lease_name
from ansible_collections.hatci.automation.plugins.module_utils._times import (
    SAY_SECONDS,
    Deadline,
    backoff,
    since_boot,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import (
    LaunchedWatcher,
    NotWatching,
    end_watcher,
)

ADVICE = {
    **dict.fromkeys(
        ("ExporterNotFound", "SelectorMismatch", "InvalidSelector", "NoExporter"), "Check the name or selector."
    ),
    "ExporterDisabled": "Have the exporter enabled, or choose another one.",
    "AllDisabled": "Have one of the exporters enabled, or choose another selector.",
    "NoAccess": "Ask the controller's administrator for access.",
}
"""What to do, by the controller's reason."""

OUTAGE_SECONDS = 60.0
FIRST_PAUSE = 1.0
LONGER_SECONDS = 2.0
LONGEST_PAUSE = 10.0


def acquire_from_controller(controller: Controller, request: Request) -> Record:
    """Lease a device from the controller and return the lease's record.

    :raises LeaseRefused: the request can never be met, or another device came than expected.
    :raises LeaseTimeout: the device did not become free in time.
    """
    controller.jmp.require()
    name = new_lease_name(request.caller.job, request.caller.host)
    files = LeaseFiles(name)
    controller.jmp.lease = name
    keeper = start_keeper(name, files, request, config=controller.config) if request.caller.owner else None
    asking = _Asking(controller, name, request, keeper)
    try:
        held, not_before = asking.until_held()
        if request.expected_exporter and not _is_expected(controller, held.exporter, request.expected_exporter):
            raise errors.LeaseRefused(
                f"The lease brought exporter {held.exporter}, but {request.expected_exporter} was expected; "
                "nothing was done with it. Check the selector and the exporters' labels."
            )
        record = _keep(controller, name, request, files, keeper, held, not_before)
    except BaseException as error:
        _take_back(asking, error)
        files.remove()
        raise
    return record


def take_over_from_controller(controller: Controller, request: Request, name: str) -> Record | None:
    """Go on with a lease that another job of this client handed on, and return its record.

    :returns: None if it does not hold any more, is of another device, or if another play still drives it.
    :raises JumpstarterError: it cannot be told, or the lease cannot be kept; it ends by itself.
    """
    controller.jmp.require()
    controller.jmp.lease = name
    found = controller.find(name)
    if found is None or found.state != lease.HELD or found.began is None:
        return None
    if is_in_use(LeaseFiles(name).read(), request.caller.owner):
        request.say(f"lease {name} was not taken over, since the play that acquired it still goes on with it")
        return None
    is_wanted = found.exporter in (controller.exporters(request.selector) if request.selector else [request.exporter])
    if not is_wanted or (
        request.expected_exporter and not _is_expected(controller, found.exporter, request.expected_exporter)
    ):
        return None
    age = max(0.0, time.time() - found.began.timestamp())
    began = time.monotonic() - age
    files = LeaseFiles(name)
    former = (files.read() or {}).get("keeper") or find_keeper(name)
    keeper = start_keeper(name, files, request, config=controller.config) if request.caller.owner else None
    try:
        # Longer than before, by which a former keeper on another machine sees that the lease is not its any more.
        held = controller.extend(name, max(age + request.duration, found.duration + LONGER_SECONDS))
        end_watcher(former, dismiss=True)
        end_lease_processes(name)
        record = _keep(controller, name, request, files, keeper, held, began)
    except BaseException as error:
        if keeper:
            keeper.dismiss()
        if isinstance(error, errors.LeaseLost):
            return None
        raise
    return record


def _keep(
    controller: Controller,
    name: str,
    request: Request,
    files: LeaseFiles,
    keeper: LaunchedWatcher | None,
    held: lease.Lease,
    began: float,
) -> Record:
    """Write down that a device is held, hand it over to its keeper, and return what was written.

    :param began: when the lease began at the earliest, by the monotonic clock.
    """
    record = {
        **record_of(name, CONTROLLER, request, files, keeper),
        "exporter": held.exporter,
        "config": controller.config,
        "lease": held.shown,
    }
    files.write(record)
    if keeper:
        hand_over(keeper, name, time.monotonic() - began, held.duration)
    files.note_proof(since_boot())
    return record


def _is_expected(controller: Controller, brought: str, expected: str) -> bool:
    label = label_of(expected, "expected_exporter")
    return brought in controller.exporters(label) if label else brought == expected


class _Asking:
    """A request for a lease, from the first call until it is held."""

    def __init__(self, controller: Controller, name: str, request: Request, keeper: LaunchedWatcher | None) -> None:
        self.controller = controller
        self.name = name
        self.request = request
        self.keeper = keeper
        self.is_made = False
        """The controller has it, or had it."""
        self.may_come = False
        """A call was not answered, so the controller may have it, or make it later."""

    def until_held(self) -> tuple[lease.Lease, float]:
        """Return the lease, and a monotonic time at which it was surely not held yet."""
        request = self.request
        not_before = time.monotonic()
        deadline = Deadline(request.timeout)
        outage = _Outage(deadline)
        self._create(outage)
        said, is_seen, tries = float("-inf"), False, 0
        while True:
            tries += 1
            found = None
            is_answered = False
            asked = time.monotonic()
            try:
                found = self.controller.find(self.name)
                is_answered = True
                outage.over()
            except UNANSWERED as error:
                outage.tolerate(error)
            if found and found.state == lease.HELD:
                return found, not_before
            not_before = asked if found else not_before
            if found and found.state != lease.PENDING:
                raise errors.LeaseRefused(describe_refusal(request.what, found))
            is_seen = is_seen or found is not None
            if is_seen and is_answered and found is None:
                raise errors.LeaseRefused(
                    f"The request for {request.what} is gone: somebody deleted it while it waited. "
                    "Run again if the device is still wanted."
                )
            if deadline.expired:
                raise errors.LeaseTimeout(
                    f"{request.what} did not become free within {request.timeout:g} s: {self._who(found)}. "
                    "The request was taken back."
                )
            if found and time.monotonic() - said >= SAY_SECONDS:
                said = time.monotonic()
                request.say(f"waiting for {request.what}: {self._who(found)}")
            request.pause(deadline.bounded(backoff(tries, FIRST_PAUSE, LONGEST_PAUSE)))

    def _create(self, outage: _Outage) -> None:
        """Ask for the lease until the controller has it; the same name makes no second one."""
        request = self.request
        wanted = wanted_arguments(request.exporter, request.selector)
        tell_of_request(self.keeper, is_unknown=False)
        while not self.is_made:
            before = self.may_come
            self.may_come = True  # also if the call is broken off
            try:
                self.controller.create(self.name, wanted, request.duration, tags_of(request.caller))
                self.is_made = True
            except UNANSWERED as error:
                self.may_come = before or _may_be_carried_out(error)
                if self.may_come:
                    tell_of_request(self.keeper, is_unknown=True)
                outage.tolerate(error)
                request.pause(FIRST_PAUSE)
                with outage.tolerated():
                    self.is_made = self.controller.find(self.name) is not None
        if self.may_come:
            tell_of_request(self.keeper, is_unknown=False)

    def _who(self, found: lease.Lease | None) -> str:
        """Return in words why it waits: who has the device, else what the controller says."""
        request = self.request
        waits = f"the controller says {found.message}" if found and found.message else ""
        try:
            holder = self.controller.holder_of(request.exporter or "", request.selector or "")
        except errors.JumpstarterError as error:
            return waits or f"who holds it can't be seen ({error.message})"
        if holder is None or holder.name == self.name:
            return waits or "no one is seen to hold it; is the exporter online?"
        host = holder.tags.get(HOST_TAG, "?")
        refuse_vain_wait(request, holder.name, host)
        job = holder.tags.get(JOB_TAG)
        by = f" for job {job}, host {host}" if job else ""
        return f"client {holder.client}{by} holds {holder.exporter} until {holder.until} or longer"


def _may_be_carried_out(error: errors.JumpstarterError) -> bool:
    """Whether the controller may make the lease although its client was told of a failure."""
    if isinstance(error, errors.JmpFailed):
        return not is_permanent(error) and not replies.is_unreached(error.words)
    return isinstance(error, errors.JmpTimeout)


def describe_refusal(what: str, found: lease.Lease) -> str:
    """Return in one sentence why a request came to nothing, and what to do about it."""
    because = found.message or found.state
    if found.state == lease.REFUSED:
        return f"{what} can't be leased: {because}. {_advice(found)}"
    ended = f" at {found.ended_at}" if found.ended_at else ""
    if found.began is None:
        return f"The request for {what} ended{ended} while it waited ({because}): somebody released it. Run again."
    if found.reason == "Expired":
        return (
            f"{what} was leased, but the lease ran out{ended} before it was seen ({because}); give a longer duration."
        )
    return (
        f"{what} was leased, but exporter {found.exporter or '?'} gave the lease back{ended} ({because}), as it does "
        "when its beforeLease hook fails, or somebody released it; look at the exporter's log and its hook."
    )


def _advice(found: lease.Lease) -> str:
    if "duration" in found.message.lower():
        return "Give a shorter duration, or ask the controller's administrator for a longer one."
    return ADVICE.get(found.reason, "Ask the controller's administrator.")


class _Outage:
    """How long the controller has been out of reach."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._since: float | None = None

    def over(self) -> None:
        self._since = None

    def tolerate(self, error: errors.JumpstarterError) -> None:
        """Go on for a while, unless trying again cannot help."""
        now = time.monotonic()
        self._since = self._since or now
        if is_permanent(error) or now - self._since > OUTAGE_SECONDS or self._deadline.expired:
            raise error

    @contextlib.contextmanager
    def tolerated(self) -> t.Iterator[None]:
        """Go on after what fails inside."""
        try:
            yield
        except UNANSWERED as error:
            self.tolerate(error)


def _take_back(asking: _Asking, why: BaseException) -> None:
    """Leave no lease behind; the keeper goes on trying where this does not succeed at once."""
    keeper = asking.keeper
    is_refused = not asking.is_made and not asking.may_come
    try:
        is_settled = asking.controller.delete(asking.name) or asking.is_made or is_refused
    except errors.JumpstarterError as error:
        is_settled = is_refused
        if isinstance(why, errors.JumpstarterError) and not is_refused:
            reason = error.message.rstrip(".")
            why.message = f"{full_stop(why.message)} Its lease {asking.name} could not be taken back yet ({reason})."
    if not keeper:
        return
    if is_settled:
        keeper.dismiss()
    else:
        with contextlib.suppress(NotWatching):
            keeper.leave_alone()
