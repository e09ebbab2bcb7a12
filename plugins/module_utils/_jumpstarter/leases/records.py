# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a lease that this machine holds."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JumpstarterError, LeaseLost
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import Jmp
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import Controller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER, LOCAL, Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    DirectoryUnsafe,
    read_json,
    runtime_directory,
    write_json,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import is_watching
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

Record = dict[str, t.Any]

RECORD: dict[str, t.Any] = {
    "name": str,
    "mode": str,
    "what": str,
    "asked": str,
    "exporter": str,
    "keeper": (dict, type(None)),
    "config": (list, type(None)),
    "lease": dict,
    "keeper_log": (str, type(None)),
}
"""What a record must have for others to go by it."""

UNTOLD = "Its keeper did not tell why."


class LeaseFiles:
    """``record`` says what the lease is, ``trouble`` why it is not safe any more, ``log`` what its keeper did, ``undo``
    what is to be undone at the device before it is given back, ``prepared`` which ``jmp shell`` waits for its commands,
    ``proof`` when the lease was seen to hold (:func:`since_boot`).

    The task that acquired the lease writes the record, the keeper the others.

    :raises JumpstarterError: the files cannot be kept safely.
    """

    def __init__(self, lease_name: str) -> None:
        try:
            directory = runtime_directory()
        except DirectoryUnsafe as error:
            raise JumpstarterError(str(error)) from None
        self.record = directory / f"{lease_name}.json"
        self.trouble = directory / f"{lease_name}.trouble"
        self.log = directory / f"{lease_name}.log"
        self.undo = self.record.with_suffix(".undo")
        self.prepared = self.record.with_suffix(".prepared")
        self.proof = self.record.with_suffix(".proof")

    def read(self) -> Record | None:
        """Return the record, or None if this machine holds no such lease.

        :raises LeaseLost: it is there and can't be read.
        """
        record = read_json(self.record)
        if record is None and not self.record.exists():
            return None
        if record is None or not _is_whole(record, self.record.stem):
            raise LeaseLost(f"The record {self.record} of lease {self.record.stem} is damaged.")
        return record

    def write(self, record: Record) -> None:
        """Write the record.

        :raises JumpstarterError: it can't be written.
        """
        try:
            write_json(self.record, record)
        except OSError as error:
            raise JumpstarterError(f"{self.record} cannot be written: {error.strerror}.") from None

    def read_trouble(self) -> str:
        """Return why the lease is not safe any more; empty if it is."""
        try:
            return self.trouble.read_text(encoding="utf-8", errors="replace").strip() or UNTOLD
        except FileNotFoundError:
            return ""
        except OSError:
            return UNTOLD

    def remove(self) -> None:
        """Forget the lease; its log stays for a week."""
        self.record.unlink(missing_ok=True)
        self.trouble.unlink(missing_ok=True)
        self.prepared.unlink(missing_ok=True)
        self.proof.unlink(missing_ok=True)

    def note_proof(self, moment: float) -> None:
        """Note that the lease held at a moment (:func:`since_boot`), unless nothing is known of it here."""
        if self.record.exists():
            with contextlib.suppress(OSError):
                self.proof.write_text(str(moment), encoding="ascii")

    def is_proven(self, within: float) -> bool:
        """Whether the lease was seen to hold within the last seconds, and after what others last said of the test."""
        try:
            return 0 <= since_boot() - float(self.proof.read_text(encoding="ascii")) <= within
        except (OSError, ValueError):
            return False


def forget_proof(lease_name: str) -> None:
    """Note that something was found out since the lease was seen to hold, which rests on its holding until now."""
    with contextlib.suppress(JumpstarterError, OSError):
        LeaseFiles(check_name(lease_name, "lease_name")).proof.unlink(missing_ok=True)


def leases_of(caller: Caller) -> list[str]:
    """Return the names of the leases that a host of a play has, as far as this machine has their records."""
    owner = caller.owner
    try:
        paths = list(runtime_directory().glob("*.json")) if owner else []
    except DirectoryUnsafe:
        return []
    records = [record for path in paths if (record := read_json(path))]
    return [
        str(record.get("name"))
        for record in records
        if owner and (record.get("watch_pid"), record.get("watch_start")) == (owner.pid, owner.start)
        if record.get("host") == caller.host
    ]


def is_in_use(record: Record | None, owner: Owner | None) -> bool:
    """Whether another play goes on with a lease; one that has left it to somebody does not.

    :param owner: the play that asks.
    """
    pid, start = ((record or {}).get(name) for name in ("watch_pid", "watch_start"))
    if not isinstance(pid, int) or not isinstance(start, int):
        return False
    user = Owner(pid, start)
    return user != owner and user.is_alive()


def _is_whole(record: Record, lease_name: str) -> bool:
    """Whether a record says all that others go by, and says it of this lease."""
    config = record.get("config")
    return (
        all(key in record and isinstance(record[key], kind) for key, kind in RECORD.items())
        and record["name"] == lease_name
        and record["mode"] == (LOCAL if config is None else CONTROLLER)
        and all(isinstance(argument, str) and "\0" not in argument for argument in config or [])
    )


def usable_record(lease_name: str) -> Record | None:
    """Return the record of a lease, or None if this machine did not acquire it.

    :raises LeaseLost: its keeper could not renew it, or is gone, so that another job may have the device.
    """
    files = LeaseFiles(check_name(lease_name, "lease_name"))
    record = files.read()
    if record is None:
        return None
    trouble = files.read_trouble()
    if trouble:
        raise errors.LeaseLost(
            f"Lease {lease_name} is not safe any more, so the device was left alone. {trouble} "
            f"The keeper's log is {files.log}."
        )
    if record.get("keeper") and not is_watching(record["keeper"]):
        raise errors.LeaseLost(
            f"The keeper of lease {lease_name} has ended, so the device was left alone; another job may have it. "
            f"The keeper's log is {files.log}."
        )
    return record


def controller_of_record(record: Record, owner: Owner | None) -> Controller:
    """Return the controller that a lease is from, whatever the task names."""
    return Controller(Jmp(owner), record["config"])


def leads_to(record: Record, exporter: str) -> bool:
    """Whether a lease is for the exporter of that name, be it the controller's or the one that was asked for."""
    return exporter in (record.get("exporter"), record.get("asked"))
