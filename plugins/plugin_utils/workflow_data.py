# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the jobs of a workflow hand on to its later nodes.

There the same name of another job would take its place, so a job of AAP hands it on under a name of its own too.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import is_job_id
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of


def to_hand_on(variables: t.Mapping[str, t.Any], name: str, value: t.Any) -> dict[str, t.Any]:
    """Return the data that this job hands on, by their names."""
    job = job_of(variables).id
    return {name: value, **({f"{name}_of_{int(job):012}": value} if is_job_id(job) else {})}


def names_of(variables: t.Iterable[str], name: str) -> list[str]:
    """Return the names under which something was handed on, an earlier job's before a later one's."""
    own = re.compile(re.escape(name) + r"_of_[0-9]+")
    return [*sorted(filter(own.fullmatch, variables)), *({name} & set(variables))]


def joined(values: t.Iterable[t.Any]) -> t.Any:
    """Return what several jobs handed on as one.

    :returns: of dictionaries one, in which a later job's entry takes the place of an earlier one's; else one list, in
        which nothing stands twice.
    """
    given = [value for value in values if value]
    if all(isinstance(value, dict) for value in given):
        return {key: entry for value in given for key, entry in value.items()}
    parts = [entry for value in given for entry in (value if isinstance(value, list) else [value])]
    return [entry for number, entry in enumerate(parts) if entry not in parts[:number]]
