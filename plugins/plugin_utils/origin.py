# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose task a task is: a part of a test as this collection runs it, or of what a lab adds to that."""

from __future__ import annotations

import functools
import os
import pathlib
import typing as t

OWN = str(pathlib.Path(__file__).resolve().parents[2])


def is_own(task: t.Any) -> bool:
    """Whether a task stands in a file of this collection."""
    return _is_own_file(str(task.get_path() or "").rpartition(":")[0])


def is_of_lab(task: t.Any) -> bool:
    """Whether a task came into a test by a file of the lab, such as its verification.

    A role of this collection that such a file includes belongs to it. What a playbook of the user's own is made of
    does not: there the user's tasks are the test.
    """
    is_outside = False
    place = task
    while place is not None:
        if hasattr(place, "action") and hasattr(place, "get_path"):  # a block has no action
            if not is_own(place):
                is_outside = True
            elif is_outside:
                return True
        place = getattr(place, "_parent", None)
    return False


@functools.cache
def _is_own_file(path: str) -> bool:
    return os.path.realpath(path).startswith(f"{OWN}{os.sep}")
