# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role names for itself exists: an expression that no plain test renders would fail in the middle of another."""

from __future__ import annotations

import importlib
import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

import jinja2
import jinja2.nodes
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS
from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import CHECKS

REPOSITORY = Path(__file__).parents[3]
ROLES = REPOSITORY / "roles"
FILES = [*ROLES.glob("*/*/*.yml"), *(REPOSITORY / "playbooks").rglob("*.yml")]
OWN = re.compile(r"\b__hatci_\w+")
GIVEN = re.compile(r"(?:^|\{|, )\s*(__hatci_\w+):|(?:register|loop_var|index_var|name): (__hatci_\w+)", re.MULTILINE)
BY_PLUGINS = frozenset({"__hatci_evidence", "__hatci_evidence_ended"})


def test_every_variable_of_the_roles_own_is_given_somewhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    given = {name for names in GIVEN.findall(text) for name in names if name}
    assert len(given) > 40
    assert set(OWN.findall(text)) - given == set()


@pytest.mark.parametrize("role", ["hatci_ota_test", "hatci_wait_for_update"])
def test_a_role_ends_its_wait_by_the_states_of_the_module(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    assert (defaults["hatci_success_states"], defaults["hatci_failure_states"]) == ([*SUCCESS], [*FAILURE])


@pytest.mark.parametrize("path", [*ROLES.glob("*/meta/argument_specs.yml")], ids=lambda path: path.parts[-3])
def test_no_role_refuses_an_answer_that_was_left_empty(path: Path) -> None:
    for entry_point, spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
        optional = {name: option for name, option in spec["options"].items() if not option.get("required")}
        checked = ArgumentSpecValidator(optional).validate(dict.fromkeys(optional, ""))
        assert checked.error_messages == [], entry_point


TASKS = [*ROLES.glob("*/tasks/*.yml"), *(REPOSITORY / "playbooks").glob("*.yml"), *REPOSITORY.glob("playbooks/tasks/*")]
LASTS = re.compile(r"\| (string|hatci\.automation\.as_given)\b")
TEMPLATES = jinja2.Environment(autoescape=True)
MODULE = "hatci.automation."


class Loader(yaml.SafeLoader):
    """Reads tasks, their tags as nothing."""


Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def tasks_in(node: t.Any) -> Iterator[dict[str, t.Any]]:
    """Yield each task of a file, with those in blocks and plays."""
    for item in node if isinstance(node, list) else ():
        yield item
        for part in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
            yield from tasks_in(item.get(part))


def texts_handed_on(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each template that is a whole option of text of a task, with what the option is called."""
    for task in tasks_in(yaml.load(path.read_text(encoding="utf-8"), Loader)):
        for module, given in task.items():
            if not module.startswith(MODULE) or module == f"{MODULE}hatci_variables":
                continue
            name = module.removeprefix(MODULE)
            spec = importlib.import_module(f"ansible_collections.hatci.automation.plugins.modules.{name}").ARGUMENTS
            for option, value in (given or {}).items():
                kind = spec["argument_spec"][option]
                is_text = kind.get("type", "str") in ("str", "path") and "choices" not in kind
                if is_text and isinstance(value, str) and value.startswith("{{") and value.strip().endswith("}}"):
                    yield f"{name}: {option}", value


@pytest.mark.parametrize("path", TASKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_text_that_users_give_is_handed_on_as_text(path: Path) -> None:
    """Else ansible-core 2.16 with jinja2_native makes a number of what looks like one."""
    changed = {
        option: template
        for option, template in texts_handed_on(path)
        if {name.name for name in TEMPLATES.parse(template).find_all(jinja2.nodes.Name)} & CHECKS.keys()
        and not LASTS.search(template)
    }
    assert changed == {}
