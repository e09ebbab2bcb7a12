# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all Jumpstarter modules share, and what they mean together."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, pause

CONTROLLER = "controller"
LOCAL = "local"
AUTO = "auto"
"""How a device is had: leased from a controller, locked on this machine, or whichever is set up."""

DEFAULT_LOCK_DIRECTORY = "/tmp/hatci-automation-locks"  # noqa: S108  # shared by all users on purpose

LONGEST_NAME = 100
"""More characters of a job and host are for nobody to see, and the lock file is to stay short."""

SHARED_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "client_config": {"type": "path"},
    "client": {"type": "str"},
    "mode": {"type": "str", "choices": [AUTO, CONTROLLER, LOCAL], "default": AUTO},
    "lock_dir": {"type": "path", "default": DEFAULT_LOCK_DIRECTORY},
    "job_id": {"type": "str", "default": "manual"},
    "job_host": {"type": "str", "default": "localhost"},
    "watch_pid": {"type": "int"},
}


ECU_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "driver": {"type": "str", "required": True},
    "logical_address": {"type": "str"},
    "part_number_did": {"type": "str", "default": "0xF187"},
    "sw_version_did": {"type": "str", "default": "0xF189"},
}
"""An ECU as a task names it."""


def jumpstarter_arguments(spec: dict[str, dict[str, t.Any]], **rules: t.Any) -> dict[str, t.Any]:
    """Return the arguments of a module that uses ``jmp``, the shared options included.

    :param spec: the module's own options.
    :param rules: further rules of Ansible's, such as ``required_one_of``.
    """
    return {"argument_spec": {**SHARED_ARGUMENTS, **spec}, **rules, "supports_check_mode": True}


def device_arguments(
    spec: dict[str, dict[str, t.Any]], required_one_of: t.Sequence[tuple[str, ...]] = (), **rules: t.Any
) -> dict[str, t.Any]:
    """Return the arguments of a module that drives a device, which a lease or an exporter names."""
    return jumpstarter_arguments(
        {"exporter": {"type": "str"}, "lease_name": {"type": "str"}, **spec},
        required_one_of=[("exporter", "lease_name"), *required_one_of],
        **rules,
    )


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks for a device.

    :param job: id of the job.
    :param host: inventory name of the host that the play works for.
    :param owner: the ansible-playbook process, None if it is on another machine.
    """

    job: str
    host: str
    owner: Owner | None

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> Caller:
        """Build it from a task's options."""
        owner = Owner.of(options["watch_pid"]) if options["watch_pid"] else None
        return cls(_name(options["job_id"]), _name(options["job_host"]), owner)

    def pause(self, seconds: float) -> None:
        """Pause, as long as the play lives.

        :raises OwnerGone: it ended meanwhile.
        """
        pause(seconds, self.owner)

    @classmethod
    def of_host(cls, host: str, owner: Owner) -> Caller:
        """Return a host of a play, as it stands in the records of its leases."""
        return cls("", _name(host), owner)


def _name(text: str) -> str:
    """Return a name that a lock file and a line of progress can carry."""
    return sentence(text)[:LONGEST_NAME]
