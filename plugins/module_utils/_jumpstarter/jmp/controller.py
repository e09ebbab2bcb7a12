# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jumpstarter controller, as far as leases go."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import config_arguments
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD, Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import clock_form
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

PERMANENT = (
    "failed to authenticate",
    "unauthenticated",
    "permission denied",
    "permissiondenied",
    "token is expired",
    "no such option",
    "usage:",
    "invalid",
    "to parse",
    "must be",
    "is required",
    "is forbidden",
    "failed to load config",
)


class Controller:
    """Asks one controller through ``jmp``.

    :param config: the arguments that name the controller.
    """

    def __init__(self, jmp: Jmp, config: t.Sequence[str]) -> None:
        self.jmp = jmp
        self.config = list(config)

    def create(self, name: str, wanted: t.Sequence[str], duration: float, tags: t.Mapping[str, str]) -> None:
        """Ask for a lease; it is not held before it is Ready.

        :param wanted: ``-n EXPORTER`` or ``-l SELECTOR``.
        :param duration: seconds.
        :raises JmpFailed: the controller may or may not have it; :meth:`find` tells.
        """
        request = ["create", "lease", *wanted, "--duration", clock_form(duration), "--lease-id", name, *self.config]
        try:
            self.jmp.call_json(*request, *(word for tag in tags.items() for word in ("--tag", "=".join(tag))))
        except errors.JmpFailed as error:
            if not re.search(r"no such option\W*--tag", error.words.lower()):
                raise
            self.jmp.call_json(*request)

    def find(self, name: str) -> Lease | None:
        """Return this client's lease of that name, ended ones too; None if there is none.

        :raises JmpFailed: it may be one that cannot be read.
        """
        return _first(self._list("-a"), lambda lease: lease.name == name)

    def holder_of(self, exporter: str, selector: str = "") -> Lease | None:
        """Return a lease that holds an exporter that a selector matches, or without one the exporter of that name.

        :raises JmpFailed: it may be one that cannot be read.
        """
        wanted = self.exporters(selector) if selector else [exporter]
        return _first(self._list("-A"), lambda lease: lease.state == HELD and lease.exporter in wanted)

    def exporters(self, selector: str) -> list[str]:
        """Return the names of the exporters that a selector matches."""
        return [str(entry.get("name")) for entry in self._get("exporters", "-l", selector) if isinstance(entry, dict)]

    def own_leases(self) -> list[Lease]:
        """Return this client's active leases, as far as they can be read."""
        return [lease for lease in self._list() if lease]

    def all_leases(self) -> list[Lease]:
        """Return every client's active leases, as far as they can be read."""
        return [lease for lease in self._list("-A") if lease]

    def extend(self, name: str, duration: float) -> Lease:
        """Set a lease's duration in seconds, counted from its begin; never to less than it has.

        :raises LeaseLost: the lease has ended, which the controller itself does not say.
        """
        lease = self._held(name)
        update = ["update", "lease", name, "--duration", clock_form(max(duration, lease.duration)), *self.config]
        answer = self.jmp.call_json(*update)
        shown = Lease.read(answer)
        return shown if shown and shown.name == name and shown.state == HELD else self._held(name)

    def delete(self, name: str) -> bool:
        """Give a lease back.

        :returns: whether it was still there.
        :raises LeaseForeign: it is another client's.
        """
        try:
            self.jmp.call("delete", "leases", name, *self.config)
        except errors.JmpFailed as error:
            words = error.words.lower()
            if "not found" in words or "already been released" in words:
                return False
            if "permission denied" in words:
                raise errors.LeaseForeign(f"Lease {name} belongs to another client and was left alone.") from None
            raise
        return True

    def _held(self, name: str) -> Lease:
        lease = self.find(name)
        if lease is None or lease.state != HELD:
            raise errors.LeaseLost(f"Lease {name} is not held any more ({lease.message if lease else 'not found'}).")
        return lease

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


def is_permanent(error: errors.JmpFailed) -> bool:
    """Whether trying again cannot help."""
    words = error.words.lower()
    return any(sign in words for sign in PERMANENT)


def controller_of(options: t.Mapping[str, t.Any], owner: Owner | None) -> Controller:
    """Return the controller that the options name.

    :raises InputError: its config cannot be used.
    """
    config = config_arguments(options["client_config"] or None, options["client"] or None)
    return Controller(Jmp(owner), config)
