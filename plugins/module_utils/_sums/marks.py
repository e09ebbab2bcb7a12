# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark of who goes on with a test, once the test has its outcome."""

from __future__ import annotations

import typing as t

RESUMED = "resumed"


def settled_metadata(metadata: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return metadata for a report, in which a test that was resumed is free to be resumed again."""
    mark = metadata.get(RESUMED)
    if not isinstance(mark, dict):
        return dict(metadata)
    return {**metadata, RESUMED: {name: value for name, value in mark.items() if name != "until"}}
