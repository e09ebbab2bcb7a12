# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue, and what a scenario needs of the rig."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader
from ansible.template import Templar

REPOSITORY = Path(__file__).parents[3]
CATALOGUE = sorted((REPOSITORY / "roles/hatci_ota_test/scenarios").glob("*.yml"))
DEFAULTS = yaml.safe_load((REPOSITORY / "roles/hatci_ota_test/defaults/main.yml").read_text(encoding="utf-8"))
OWN = {name: DEFAULTS[name] for name in DEFAULTS if name.endswith("_commands") or name == "ota_soak_cycles"}


def look_up(term: t.Any, **variables: t.Any) -> t.Any:
    init_plugin_loader()
    loader = DataLoader()
    known = {**OWN, **variables}
    lookup = lookup_loader.get("hatci.automation.scenario", loader=loader, templar=Templar(loader, variables=known))
    [found] = lookup.run([term], known)
    return found


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda path: path.stem)
def test_a_scenario_of_the_catalogue_says_what_it_proves_and_names_what_it_needs(path: Path) -> None:
    needs = yaml.safe_load(path.read_text(encoding="utf-8")).get("needs", [])
    for name in needs:
        with pytest.raises(AnsibleError, match=f"scenario {path.stem} needs .*{name}"):
            look_up(path.stem, **{other: ["true"] for other in needs if other != name})

    scenario = look_up(path.stem, **{name: ["true"] for name in needs})

    assert scenario["name"] == path.stem
    assert scenario["purpose"].endswith(".")
    assert scenario["clause"].startswith("UN R156 7.")
    page = (REPOSITORY / "docs/SCENARIOS.md").read_text(encoding="utf-8")
    first, *rows = [row for row in page.splitlines() if row.startswith(f"| `{path.stem}` |")]
    assert f" | {scenario['clause'].removeprefix('UN R156 ')} | " in first
    ended = [row.split(" | ")[1:] for row in rows]
    assert ["as it should be", "PASS |"] in ended
    assert {"FAIL |", "INVALID |"} & {outcome for _made, outcome in ended}, "the table has no wrong car"


def test_a_scenario_of_a_user_may_need_variables_too() -> None:
    written = {"name": "mine", "needs": ["my_relay"], "disturbances": []}
    with pytest.raises(AnsibleError, match="needs my_relay; set what this rig runs for that"):
        look_up(written, my_relay="")
    assert look_up(written, my_relay="relay 3")["name"] == "mine"
    with pytest.raises(AnsibleError, match="needs of ota_scenario is not a list"):
        look_up({"needs": "my_relay"})
