# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a lease that this machine holds."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JumpstarterError
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import (
    DirectoryUnsafe,
    read_json,
    runtime_directory,
)


class LeaseFiles:
    """``record`` says what the lease is, ``trouble`` why it is not safe any more, ``log`` what its keeper did.

    The task that acquired the lease writes the record, the keeper the two others.

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

    def read(self) -> dict[str, t.Any] | None:
        """Return the record, or None if this machine holds no such lease."""
        return read_json(self.record)

    def read_trouble(self) -> str:
        """Return why the lease is not safe any more; empty if it is."""
        try:
            return self.trouble.read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    def remove(self) -> None:
        """Forget the lease; its log stays for a week."""
        self.record.unlink(missing_ok=True)
        self.trouble.unlink(missing_ok=True)
