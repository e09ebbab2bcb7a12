# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jumpstarter controller, as far as leases go."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import replies
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import config_arguments
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import ENDED, HELD, PENDING, Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import clock_form
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

T = t.TypeVar("T")
PAUSE_SECONDS = 2.0
UNANSWERED = (errors.JmpFailed, errors.JmpTimeout, errors.JmpMissing)
"""What a call raises of which it is not known what became of it."""
OLDEST = "leases from a controller need jumpstarter-cli 0.8 or newer"


class Controller:
    """Asks one controller through ``jmp``.

    :param config: the arguments that name the controller.
    """

    def __init__(self, jmp: Jmp, config: t.Sequence[str]) -> None:
        self.jmp = jmp
        self.config = list(config)
        self._tags: dict[str, str] = {}
        """Tags of the lease that was asked for, by which it is found among those of others."""

    def create(self, name: str, wanted: t.Sequence[str], duration: float, tags: t.Mapping[str, str]) -> None:
        """Ask for a lease; it is not held before it is Ready.

        :param wanted: ``-n EXPORTER`` or ``-l SELECTOR``.
        :param duration: seconds.
        :raises JmpFailed: the controller may or may not have it; :meth:`find` tells.
        """
        request = ["create", "lease", *wanted, "--duration", clock_form(duration), "--lease-id", name, *self.config]
        self._tags = dict(tags)
        try:
            self.jmp.call_json(*request, *(word for tag in tags.items() for word in ("--tag", "=".join(tag))))
        except errors.JmpFailed as error:
            if not replies.lacks_option(error.words, "--tag"):
                raise _for_lease_id(error) from None
        else:
            return
        self._tags = {}
        try:
            self.jmp.call_json(*request)
        except errors.JmpFailed as error:
            raise _for_lease_id(error) from None

    def find(self, name: str) -> Lease | None:
        """Return this client's lease of that name, ended ones too; None if there is none.

        A controller keeps ended leases for ever, so all are asked for only if it is not among the active ones.

        :raises JmpFailed: it may be one that cannot be read.
        """
        found = next((lease for lease in self._active() if lease and lease.name == name), None)
        if found:
            return found
        found = _first(self._list("-a"), lambda lease: lease.name == name)
        if found and found.state in (HELD, PENDING):
            self._tags = {}  # a controller that does not keep tags
        return found

    def _active(self) -> list[Lease | None]:
        if self._tags:
            try:
                return self._list("--tag-filter", ",".join("=".join(tag) for tag in self._tags.items()))
            except errors.JmpFailed as error:
                if replies.is_disconnect(error.words):
                    raise
                self._tags = {}
        return self._list()

    def holder_of(self, exporter: str, selector: str = "") -> Lease | None:
        """Return a lease that holds an exporter that a selector matches, or without one the exporter of that name.

        :raises JmpFailed: it may be one that cannot be read.
        """
        wanted = self.exporters(selector) if selector else [exporter]
        return _first(self._list("-A"), lambda lease: lease.state == HELD and lease.exporter in wanted)

    def exporters(self, selector: str) -> list[str]:
        """Return the names of the exporters that a selector matches."""
        return [str(entry.get("name")) for entry in self._get("exporters", "-l", selector) if isinstance(entry, dict)]

    def ask(self, timeout: float) -> None:
        """Ask for anything at all.

        :raises JmpFailed: the controller was not reached, or refuses this client.
        """
        self.jmp.call_json("get", "leases", *self.config, timeout=timeout)

    def own_leases(self) -> list[Lease]:
        """Return this client's active leases, as far as they can be read."""
        return [lease for lease in self._list() if lease]

    def all_leases(self) -> list[Lease]:
        """Return every client's active leases, as far as they can be read."""
        return [lease for lease in self._list("-A") if lease]

    def extend(self, name: str, duration: float) -> Lease:
        """Set a lease's duration in seconds, counted from its begin, and return the lease as it is then.

        One call is enough: the controller answers with the lease, ended or not.

        :raises LeaseLost: the lease has ended, or is another client's now.
        """
        try:
            answer = self.jmp.call_json("update", "lease", name, "--duration", clock_form(duration), *self.config)
        except errors.JmpFailed as error:
            if replies.is_gone(error.words, name):
                raise _lost(name, "somebody deleted it") from None
            if replies.is_foreign(error.words):
                raise _lost(name, "it belongs to another client now") from None
            raise
        shown = Lease.read(answer)
        if shown is None or shown.name != name:
            shown = self.find(name)
        if shown is None or shown.state != HELD:
            raise _lost(name, how_it_ended(shown))
        return shown

    def delete(self, name: str) -> bool:
        """Give a lease back.

        :returns: whether it was still there.
        :raises LeaseForeign: it is another client's.
        """
        try:
            self.jmp.call("delete", "leases", name, *self.config)
        except errors.JmpFailed as error:
            if replies.is_gone(error.words, name):
                return False
            if replies.is_foreign(error.words):
                raise errors.LeaseForeign(f"Lease {name} belongs to another client and was left alone.") from None
            raise
        return True

    def _list(self, *which: str) -> list[Lease | None]:
        """Return leases, and None for each entry that cannot be read."""
        return [Lease.read(entry) for entry in self._get("leases", *which)]

    def _get(self, what: str, *which: str) -> list[t.Any]:
        answer = self.jmp.call_json("get", what, *which, *self.config)
        found = answer.get(what) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise errors.JmpFailed(f"jmp get {what} printed JSON without {what}; is it jumpstarter-cli 0.8 or newer?")
        return found


def _first(leases: t.Sequence[Lease | None], fits: t.Callable[[Lease], bool]) -> Lease | None:
    """Return the first lease that fits.

    :raises JmpFailed: there is none among those that can be read, but others cannot.
    """
    found = next((lease for lease in leases if lease and fits(lease)), None)
    if found is None and None in leases:
        raise errors.JmpFailed(
            f"jmp get leases printed {leases.count(None)} of {len(leases)} leases in a form that is not known, so it "
            "cannot be told who holds what; is it the jmp of jumpstarter-cli 0.8 or newer?"
        )
    return found


def how_it_ended(lease: Lease | None) -> str:
    """Return in words what became of a lease that is not held."""
    if lease is None:
        return "the controller knows no such lease"
    at = f" at {lease.ended_at}" if lease.ended_at else ""
    if lease.state == ENDED and lease.reason == "Expired":
        return f"it ran out{at}, since nothing renewed it"
    if lease.state == ENDED:
        return f"it was released{at}, but not by this play ({lease.message or 'no reason given'})"
    return lease.message or lease.state


def _lost(name: str, why: str) -> errors.LeaseLost:
    return errors.LeaseLost(f"Lease {name} is not held any more: {why}.")


def _for_lease_id(error: errors.JmpFailed) -> errors.JmpFailed:
    """Return the error of a request for a lease, in other words if this ``jmp`` is too old for one."""
    if any(replies.lacks_option(error.words, option) for option in ("--lease-id", "-n", "--name")):
        return errors.JmpFailed(f"{error.message.rstrip('.')}; {OLDEST}.", words=error.words)
    return error


def until_answered(ask: t.Callable[[], T], timeout: float, sleep: t.Callable[[float], None]) -> T:
    """Ask a controller again and again until it answers.

    :param timeout: seconds after which it is not asked again.
    :param sleep: pauses between two calls.
    :raises JmpFailed: it did not answer in time, or asking again cannot help; also JmpTimeout and JmpMissing.
    """
    deadline = Deadline(timeout)
    while True:
        try:
            return ask()
        except UNANSWERED as error:
            if is_permanent(error) or not deadline.allows(PAUSE_SECONDS):
                raise
        sleep(PAUSE_SECONDS)


def is_permanent(error: errors.JumpstarterError) -> bool:
    """Whether trying again cannot help."""
    return isinstance(error, errors.JmpFailed) and replies.is_permanent(error.words)


def controller_of(options: t.Mapping[str, t.Any], owner: Owner | None) -> Controller:
    """Return the controller that the options name.

    :raises InputError: its config cannot be used.
    """
    config = config_arguments(options["client_config"] or None, options["client"] or None)
    return Controller(Jmp(owner), config)
