# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role names for itself exists: an expression that no plain test renders would fail in the middle of another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS

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
