# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: tasks_file
short_description: What is wrong with a file of tasks
description:
  - Reads and parses a file of tasks as C(include_tasks) will, with every module and role that it names, and returns
    in one
    sentence why it cannot be included. Returns an empty text if it can.
  - So a test finds out before anything is created, and not when its update is over.
  - What would end a test early (C(meta), also inside a role), or leave it out for all but one of several hosts
    (C(run_once)), is refused. So is what would end the whole play with all its hosts, since Ansible looks at it outside
    the task - a C(notify) of a handler that does not exist, C(run_once) and C(throttle) that cannot be rendered yet, a
    C(meta) that Ansible does not know, and under the strategy C(free) a module that runs once for all hosts.
  - What a file imports or includes under a name that is only known later is not looked at, nor are the conditions of
    C(meta).
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: The path of one file.
    required: true
  option:
    description: The variable that names the file, for the sentence.
    type: str
    default: tasks_file
"""

EXAMPLES = r"""
- name: Refuse a verification that cannot run
  ansible.builtin.assert:
    that: problem == ''
    fail_msg: "{{ problem }}"
  vars:
    problem: "{{ lookup('hatci.automation.tasks_file', ota_verify_tasks, option='ota_verify_tasks') }}"
"""

RETURN = r"""
_raw:
  description: One sentence, or an empty text.
  type: list
  elements: str
  sample: [""]
"""

import functools
import os
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.lookup import LookupBase
from ansible.vars.manager import VariableManager

from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import KEEPS_TYPES, TypedVariables
from ansible_collections.hatci.automation.plugins.plugin_utils.whole_play import (
    PLAY,
    names_of,
    notification_problem,
    task_problem,
)

DEEPEST = 10
VALUE = "__hatci_keyword"


class LookupModule(LookupBase):
    """Parses the file with Ansible's own loader."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return what is wrong with the file."""
        self.set_options(var_options=variables, direct=kwargs)
        path, option = terms[0] if terms else "", self.get_option("option")
        known = (variables or {}).get(PLAY, {}).get("handlers")
        self._knows_handlers, self._handlers = known is not None, set(known or [])
        if not isinstance(path, str) or not os.path.isfile(path):
            return [sentence(f"{option} is {path!r:.200}, which is not a file; give its whole path.")]
        try:
            self._check(str(path), variables or {}, 0)
        except (AnsibleError, AssertionError, OSError, UnicodeError) as error:
            return [sentence(f"{option} names {path}, which cannot be run: {_reason(error)}; correct it.")]
        return [""]

    def _check(self, path: str, variables: dict[str, t.Any], depth: int) -> None:
        trust = {"trusted_as_template": True} if KEEPS_TYPES else {}
        loaded = self._loader.load_from_file(path, **trust)
        if loaded is None:
            return
        if not isinstance(loaded, list):
            raise AnsibleError("it is not a list of tasks")
        if any(isinstance(entry, dict) and "hosts" in entry for entry in loaded):
            raise AnsibleError("it is a playbook, not a list of tasks")
        manager = VariableManager(loader=self._loader)
        manager._extra_vars = dict(variables)
        play = Play.load({"hosts": "localhost", "gather_facts": False}, variable_manager=manager, loader=self._loader)
        before = self._loader.get_basedir()
        self._loader.set_basedir(os.path.dirname(os.path.abspath(path)))
        try:
            blocks = load_list_of_blocks(
                loaded, play=play, variable_manager=manager, loader=self._loader, use_handlers=False
            )
            self._handlers |= set(names_of(play.handlers))
            for task in _tasks_of(blocks):
                self._check_task(task, variables, depth)
        finally:
            self._loader.set_basedir(before)

    def _check_task(self, task: Task, variables: dict[str, t.Any], depth: int) -> None:
        variables = _variables_of(task, variables)
        render = functools.partial(self._render, variables)
        play = variables.get(PLAY) or {}
        unseen = play.get("unseen", ())
        if problem := task_problem(task, play, len(variables.get("ansible_play_hosts_all") or []), render):
            raise AnsibleError(problem)
        if isinstance(task, IncludeRole):
            name = task._role_name or ""
            if "{{" not in name and depth < DEEPEST:
                blocks, handlers = task.get_block_list(
                    play=task._parent._play, variable_manager=task.get_variable_manager(), loader=self._loader
                )
                self._handlers |= set(names_of(handlers))
                for found in _tasks_of([*blocks, *handlers]):
                    self._check_task(found, variables, depth + 1)
        elif isinstance(task, TaskInclude):
            name = str(task.args.get("_raw_params") or task.args.get("file") or "")
            if name and "{{" not in name and depth < DEEPEST:
                self._check(_included(task, name), variables, depth + 1)
        if self._knows_handlers and (problem := notification_problem(task, self._handlers, unseen, render)):
            raise AnsibleError(problem)

    def _render(self, variables: dict[str, t.Any], value: t.Any) -> t.Any:
        return TypedVariables(self._templar, {**variables, VALUE: value}).get(VALUE)


def _variables_of(task: Task, variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return those of the host, with what the task, its blocks and its role add; that of its loop is not known yet."""
    role, chain = task._role, task.get_dep_chain()
    defaults, set_by_role = (role.get_default_vars(chain), role.get_vars(chain)) if role else ({}, {})
    known = {**defaults, **variables, **set_by_role, **task.get_vars()}
    if task.loop is not None:
        known.pop(str(getattr(task.loop_control, "loop_var", None) or "item"), None)
    return known


def _included(task: Task, name: str) -> str:
    """Return the file that a task includes, which stands beside its own, or with the tasks of its role."""
    own = str(task.get_path() or "").rpartition(":")[0]
    directories = [os.path.dirname(os.path.abspath(own))]
    if task._role:
        directories.append(os.path.join(task._role._role_path, "tasks"))
    for directory in directories:
        if os.path.isfile(found := os.path.join(directory, name)):
            return found
    raise AnsibleError(f"it includes {name}, which does not exist beside it")


def _tasks_of(entries: t.Iterable[t.Any]) -> t.Iterator[Task]:
    for entry in entries:
        if isinstance(entry, Block):
            yield from _tasks_of([*entry.block, *entry.rescue, *entry.always])
        else:
            yield entry


def _reason(error: Exception) -> str:
    """Return the first sentence of what Ansible says, without the place that it shows below it."""
    if isinstance(error, AnsibleFileNotFound) and error.file_name:
        return f"{error.file_name} does not exist"
    message = str(getattr(error, "message", "") or error)
    return message.split("\n", maxsplit=1)[0].strip().rstrip(".")
