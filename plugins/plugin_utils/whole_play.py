# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a task of one vehicle would end the whole play, with all its vehicles.

Ansible looks at some keywords of a task in ansible-playbook itself and not in the worker of the host. What it cannot
use there is no failure of the task, which a rescue would take up, but the end of everything.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.loader import action_loader

from ansible_collections.hatci.automation.plugins.plugin_utils.origin import is_own

PLAY = "__hatci_play"
"""Among variables: what :func:`describe_play` returns."""

HARMLESS_META = ("clear_facts", "flush_handlers", "noop", "refresh_inventory", "reset_connection", "role_complete")
META = ("meta", "ansible.builtin.meta", "ansible.legacy.meta")
EARLY_ENDS = ("end_host", "end_play", "end_batch", "end_role", "clear_host_errors")
"""Meta tasks that would end a test before it has reported."""

Render = Callable[[t.Any], t.Any]
"""Renders a value with the variables of the host.

:raises AnsibleError: it cannot be rendered.
"""


def describe_play(task: Task) -> dict[str, t.Any]:
    """Return what a file of tasks is held against: the strategy of the play of a task, and its handlers.

    Some of them are ``unseen`` when they fail, since the play says so.

    The handlers are None where nobody can know them yet, since the play includes a file of tasks or a role under a name
    that is only known later.
    """
    play = task.get_play()
    blocks = [*play.handlers, *play.compile_roles_handlers()]
    known = True
    for included in (one for one in tasks_of(play) if isinstance(one, TaskInclude) and not is_own(one)):
        if not isinstance(included, IncludeRole) or "{{" in (included._role_name or "{{"):
            known = False
        elif not included._role_name.startswith("hatci.automation."):
            manager = included.get_variable_manager()
            try:
                blocks += included.get_block_list(play=play, variable_manager=manager, loader=play.get_loader())[1]
            except AnsibleError:  # the failure of that task, not of this one
                known = False
    return {
        "handlers": names_of(blocks) if known else None,
        "unseen": names_of(blocks, is_meant=_fails_unseen),
        "strategy": str(play.strategy),
    }


def names_of(handlers: Iterable[t.Any], is_meant: Callable[[t.Any], bool] = lambda handler: True) -> list[str]:
    """Return all by which the handlers of these blocks, or some of them, can be notified."""
    names: list[str] = []
    for handler in (handler for block in handlers for handler in block.block if is_meant(handler)):
        topics = [handler.listen] if isinstance(handler.listen, str) else list(handler.listen or [])
        if handler._role:
            role = (handler._role.get_name(include_role_fqcn=whole) for whole in (True, False))
            topics += [f"{name} : {topic}" for name in role for topic in list(topics)]
        if handler.name:
            topics += [handler.name, *(handler.get_name(include_role_fqcn=whole) for whole in (True, False))]
        names += map(str, topics)
    return names


def task_problem(task: Task, play: Mapping[str, t.Any], vehicles: int, render: Render) -> str:
    """Return what is wrong with a task, in words for the middle of a sentence; an empty text if nothing is.

    :param play: what :func:`describe_play` returns; empty if the play is not known.
    :param vehicles: how many hosts the play has.
    """
    if task.action in META:
        return _meta_problem(str(task.args.get("_raw_params")))
    try:
        once = boolean(_rendered("run_once", task, render) or False, strict=False)
        int(_rendered("throttle", task, render) or 0)
    except (TypeError, ValueError):
        return f"throttle of {task.get_name()!r} is not a whole number"
    except AnsibleError as error:
        return str(error.message)
    if vehicles > 1 and (once or isinstance(task.run_once, str)):
        return f"run_once of {task.get_name()!r} would leave it out for all vehicles but one; leave run_once out"
    if play.get("strategy", "").rpartition(".")[2] in ("free", "host_pinned") and _bypasses_hosts(task):
        return f"{task.action} would end the whole play, whose strategy is {play['strategy']}; leave it out"
    return ""


def notification_problem(task: Task, handlers: Collection[str], unseen: Collection[str], render: Render) -> str:
    """Return which handler a task notifies in vain, in words for the middle of a sentence; an empty text if none.

    :param unseen: those of the handlers whose failure nobody would see.
    """
    if not constants.ERROR_ON_MISSING_HANDLER:
        return ""
    handlers = {*handlers, *(str(_as_known(name, render)) for name in handlers if "{{" in name)}
    for name in task.notify if isinstance(task.notify, list) else filter(None, [task.notify]):
        try:
            found = render(name)
        except AnsibleError:
            return f"{task.get_name()!r} notifies {name!r}, which is not known before the test; write the name as it is"
        notified = [str(one) for one in (found if isinstance(found, list) else [found])]
        if lacking := [one for one in notified if one not in handlers]:
            return f"{task.get_name()!r} notifies {lacking[0]!r}, but there is no such handler"
        if ignored := [one for one in notified if one in unseen]:
            return (
                f"{task.get_name()!r} notifies {ignored[0]!r}, whose failure would not be seen, since the play has "
                "ignore_errors; give that handler ignore_errors: false"
            )
    return ""


def _meta_problem(what: str) -> str:
    if what in EARLY_ENDS:
        return f"meta: {what} would end the test before it has reported"
    return "" if what in HARMLESS_META else f"meta: {what} is not known to Ansible"


def _rendered(keyword: str, task: Task, render: Render) -> t.Any:
    value = getattr(task, keyword)
    try:
        return render(value) if isinstance(value, str) else value
    except AnsibleError:
        raise AnsibleError(
            f"{keyword} of {task.get_name()!r} is {value!r}, which is not known before the test; write it as it is"
        ) from None


def _fails_unseen(handler: t.Any) -> bool:
    """Whether a handler has ``ignore_errors`` from its play and not of its own."""
    return bool(handler.ignore_errors) and not isinstance(getattr(handler, "_ignore_errors", None), (bool, str))


def _as_known(name: str, render: Render) -> t.Any:
    with contextlib.suppress(AnsibleError):
        return render(name)
    return name


def tasks_of(play: Play) -> Iterator[Task]:
    """Return all tasks that a play shows before it runs."""
    entries: list[t.Any] = [*play.pre_tasks, *play.tasks, *play.post_tasks]
    while entries:
        entry = entries.pop()
        if isinstance(entry, Block):
            entries += [*entry.block, *entry.rescue, *entry.always]
        else:
            yield entry


def _bypasses_hosts(task: Task) -> bool:
    try:
        action = action_loader.get(task.action, class_only=True, collection_list=task.collections)
    except KeyError:
        return False
    return bool(getattr(action, "BYPASS_HOST_LOOP", False))
