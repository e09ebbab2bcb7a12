# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extra variables that would hide what a play itself sets.

They win over everything, so a task would go on with a value from the command line, a survey or another job where it
means the one that this run has got.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterator

from ansible.playbook.task import Task

from ansible_collections.hatci.automation.plugins.plugin_utils.origin import is_own
from ansible_collections.hatci.automation.plugins.plugin_utils.whole_play import tasks_of

OWN_PREFIXES = ("__hatci_", "__jumpstarter_", "__ota_")
"""Names that begin so are for this collection alone."""

VERDICTS = frozenset(
    [
        *("hatci_deployment_id", "hatci_event_id", "hatci_test_event_id"),
        *("hatci_test_status", "hatci_test_summary", "hatci_report_results_outcome"),
    ]
)
"""What a play gives the roles of what it got before. Given by a play, none of them can come from elsewhere too."""

HIDDEN = "The extra variable {} would hide what this play itself sets under that name; leave it out."
SET_FACT = ("set_fact", "ansible.builtin.set_fact", "ansible.legacy.set_fact")


def hidden_problem(task: Task, extra: Collection[str], results: Collection[str]) -> str:
    """Return a sentence about all that :func:`hidden_names` finds; an empty text if that is nothing."""
    names = hidden_names(task, extra, results)
    return HIDDEN.format(" and ".join(names)) if names else ""


def hidden_names(task: Task, extra: Collection[str], results: Collection[str]) -> list[str]:
    """Return the names of extra variables that would hide something.

    :param task: any task of the play.
    :param extra: names of all extra variables.
    :param results: names of what is going to be set by a role.
    """
    own = {name for name in extra if name.startswith(OWN_PREFIXES)}
    return sorted(own | ({*results, *_set_by(task)} & set(extra)))


def _set_by(task: Task) -> Iterator[str]:
    """Return what the tasks of the user's own play set: all that they register, and what the roles are told."""
    for one in (*tasks_of(task.get_play()), *_around(task)):
        if is_own(one):
            continue
        if register := getattr(one, "register", None):
            yield str(register)
        given = {*one.vars, *(one.args if one.action in SET_FACT else ())}
        yield from VERDICTS & given


def _around(task: Task) -> Iterator[Task]:
    """Return the tasks that include a task, since a play does not show what is in the files that it includes."""
    place: t.Any = task
    while (place := getattr(place, "_parent", None)) is not None:
        if isinstance(place, Task):
            yield place
