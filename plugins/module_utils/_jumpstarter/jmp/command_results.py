# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program that runs commands inside ``jmp shell`` has left of them."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json


def read_results(path: pathlib.Path) -> list[dict[str, t.Any]]:
    """Return ``command``, ``rc``, ``stdout`` and ``stderr`` of each; none if something else is in the file's place."""
    with contextlib.suppress(OSError, ValueError):
        results = parse_json(path.read_text(encoding="utf-8"))
        if isinstance(results, list) and all(_is_result(result) for result in results):
            return results
    return []


def _is_result(value: t.Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("rc"), int)
        and all(isinstance(value.get(name), str) for name in ("command", "stdout", "stderr"))
    )
