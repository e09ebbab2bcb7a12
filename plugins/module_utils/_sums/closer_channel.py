# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the closer of a play, light enough for every task to say what it knows."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers import control_socket
from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import NoListener
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    DirectoryUnsafe,
    runtime_directory,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

GONE, STUCK = "gone", "stuck"


def closer_socket_name(owner: Owner) -> str:
    """Return the name of the socket on which the closer of a play listens.

    :raises OwnerGone: the play has ended.
    """
    return control_socket.socket_name("closer", owner)


def send_to_closer(owner: Owner, message: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Send a message to the closer of a play, and return what it answers.

    :raises NoListener: the play has none.
    :raises OSError: it does not react.
    :raises OwnerGone: the play has ended.
    """
    return control_socket.send(closer_socket_name(owner), message)


def note_evidence(owner: Owner, host: str, directory: str, finished: str = "") -> None:
    """Have the closer, if there is one, finish the evidence of a host's test should the play end before it does.

    :param directory: of the evidence; empty when nothing is left to finish.
    :param finished: directory of the evidence that the play has finished, which does not know a report that the closer
        sends later.
    """
    with contextlib.suppress(OSError, OwnerGone, DirectoryUnsafe):
        if _mark_of(owner, STUCK).exists():
            return
        send_to_closer(owner, {"evidence": {"host": host, "directory": directory, "finished": finished}})


def note_for_closer(owner: Owner, host: str, known: t.Mapping[str, t.Any]) -> str:
    """Tell the closer, if there is one, what a task found out about the test of a host.

    One that did not react is not waited for again.

    :param known: ``failure`` (``outcome`` and ``message``), or of a step forward ``event_id`` and ``deployment_id``.
    :returns: a warning where the closer is lost, once in a play; else an empty text.
    """
    try:
        if _mark_of(owner, STUCK).exists():
            return ""
        send_to_closer(owner, {"note": {"host": host, **known}})
    except NoListener:
        return _warn_once(owner, GONE, "has ended, as one that was killed has") if closer_log(owner).exists() else ""
    except (OwnerGone, DirectoryUnsafe):
        return ""
    except OSError as error:
        return _warn_once(owner, STUCK, f"does not react ({error})")
    return ""


def note_lease(owner: Owner, host: str, lease_name: str) -> None:
    """Tell the closer, if there is one, that a host has a lease from now on."""
    with contextlib.suppress(OSError, OwnerGone):
        send_to_closer(owner, {"lease": {"host": host, "name": lease_name}})


def note_lease_over(
    owner: Owner, host: str, lease_name: str, doubt: t.Mapping[str, t.Any], *, has_record: bool
) -> list[str]:
    """Tell the closer, if there is one, that a host has a lease no more, or could not give it back.

    :param doubt: what is known against its having held until now, as ``words`` and ``is_lost``; empty if nothing is.
    :param has_record: this machine had a record of it, so it was given back for the first time.
    :returns: ids of the test events for which PASS was reported under this lease, which it does not prove; when the
        play ends the closer reports ERROR for them.
    """
    told = {"host": host, "name": lease_name, "doubt": doubt, "has_record": has_record}
    with contextlib.suppress(OSError, OwnerGone):
        return list(send_to_closer(owner, {"lease_over": told}).get("passed", ()))
    return []


def closer_log(owner: Owner) -> pathlib.Path:
    """Return the log of the closer of a play, which is there as long as the play, once it has had one.

    :raises DirectoryUnsafe: it cannot be kept safely.
    """
    return runtime_directory() / f"closer-{owner.pid}-{owner.start}.log"


def _mark_of(owner: Owner, kind: str) -> pathlib.Path:
    log = closer_log(owner)
    return log.with_name(f"{log.stem}-{kind}.log")


def _warn_once(owner: Owner, kind: str, what: str) -> str:
    """Return a warning of the closer of a play, if it is the first one of that kind."""
    try:
        with open(_mark_of(owner, kind), "x", encoding="ascii"):
            pass
    except OSError:
        return ""
    return (
        f"The closer of this play {what}, so nobody would tell SUMS how the tests ended should the play be killed; "
        f"its log is {closer_log(owner)}."
    )
