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


def look_up(term: t.Any, rig: dict[str, t.Any] | None = None, **variables: t.Any) -> t.Any:
    init_plugin_loader()
    loader = DataLoader()
    known = {**OWN, **variables}
    lookup = lookup_loader.get("hatci.automation.scenario", loader=loader, templar=Templar(loader, variables=known))
    [found] = lookup.run([term], known, **(rig or {}))
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


@pytest.mark.parametrize("text", ["", "---\n# to be written\n", "{}\n", "needs: [my_relay]\n", "---\n''\n"])
def test_a_file_with_nothing_in_it_is_not_the_plain_test(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnsibleError, match=r"scenario mine has nothing in it .*; write a scenario there"):
        look_up(str(path), my_relay="relay 3")
    assert look_up({}) == {}


@pytest.mark.parametrize("name", ["network_loss", "ecu_reset_while_installing", "low_battery", "cancelled"])
def test_where_nothing_but_an_exit_code_would_prove_it_the_rig_must_bring_the_proof(name: str) -> None:
    switched = ("network_off", "network_on", "reset", "battery_low", "battery_ok", "cancel")
    brought = {f"ota_{what}_commands": ["true"] for what in switched}
    with pytest.raises(AnsibleError, match=f"scenario {name} needs ota_[a-z]+_proof_commands; set what"):
        look_up(name, **brought)
    proofs = {f"ota_{what}_proof_commands": ["is-off"] for what in ("network", "reset", "battery", "cancel")}
    [disturbance] = look_up(name, **brought, **proofs)["disturbances"]
    meanwhile = {"meanwhile": True} if disturbance["undo"] else {}
    assert disturbance["proof"] == {"commands": ["is-off"], **meanwhile}


@pytest.mark.parametrize("place", ["project/playbooks", "project", "elsewhere"])
def test_a_file_may_be_beside_the_playbook_in_the_project_or_where_it_is_run(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in ("project/playbooks", "elsewhere"):
        (tmp_path / directory).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / place / "scenarios").mkdir()
    (tmp_path / place / "scenarios/mine.yml").write_text(f"purpose: In {place}.\n", encoding="utf-8")
    found = look_up("scenarios/mine.yml", playbook_dir=str(tmp_path / "project/playbooks"))
    assert (found["name"], found["purpose"]) == ("mine", f"In {place}.")


def test_a_file_beside_the_playbook_comes_first(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "mine.yml").write_text("purpose: Of the project.\n", encoding="utf-8")
    (tmp_path / "playbooks/mine.yml").write_text("purpose: Of the playbook.\n", encoding="utf-8")
    assert look_up("mine.yml", playbook_dir=str(tmp_path / "playbooks"))["purpose"] == "Of the playbook."


def test_a_file_that_is_nowhere_is_named_beside_the_playbook(tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match=f"names {tmp_path}/no.yml, which is not a file; give its whole path"):
        look_up("no.yml", playbook_dir=str(tmp_path))


def test_a_scenario_is_called_what_its_variable_calls_it() -> None:
    with pytest.raises(AnsibleError, match=r"^The scenario disturbs the vehicle, but no device"):
        look_up("power_loss_while_installing", {"has_device": False})
    with pytest.raises(AnsibleError, match=r"^number 2 of ota_suite proves a disturbance by ECUs"):
        look_up("power_loss_while_installing", {"has_ecus": False, "option": "number 2 of ota_suite"})
