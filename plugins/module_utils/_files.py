# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a file so that whoever reads it finds the old content or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile


def write_atomically(path: pathlib.Path, content: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all; a failure leaves what was there and nothing else.

    :raises OSError: it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".hatci-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
