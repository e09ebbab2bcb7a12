# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between a playbook and a device, each with one sentence for the tester."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure


class JumpstarterError(Failure):
    """Anything that goes wrong on the way to a device."""


class InputError(JumpstarterError):
    """An option is missing or malformed; nothing was touched."""


class JmpMissing(JumpstarterError):
    """There is no ``jmp`` to run."""


class JmpTimeout(JumpstarterError):
    """``jmp`` did not end in time and was ended, with all it had started."""


class JmpFailed(JumpstarterError):
    """``jmp`` ended with an error, or printed what cannot be read.

    :param words: what it said.
    """

    def __init__(self, message: str, *, words: str = "", **details: t.Any) -> None:
        super().__init__(message, **details)
        self.words = words


class CommandFailed(JumpstarterError):
    """A command on the device failed."""

    outcome = "FAIL"


class DeviceUnreachable(JumpstarterError):
    """The device gave no chance to run a command, or to let it end."""


class VinsDiffer(JumpstarterError):
    """The ECUs of one vehicle tell different VINs, so that it is not known which vehicle it is."""


class LeaseRefused(JumpstarterError):
    """The lease can never be had as it was asked for, or came with the wrong device."""


class LeaseTimeout(JumpstarterError):
    """The device did not become free in time."""


class LeaseLost(JumpstarterError):
    """The lease that a task relies on is not held any more, or not safely."""


class LeaseForeign(JumpstarterError):
    """The lease belongs to someone else."""


class ReleaseFailed(JumpstarterError):
    """The lease could not be given back."""
