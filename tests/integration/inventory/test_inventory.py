# SPDX-License-Identifier: GPL-3.0-or-later
"""Vehicles in SUMS as hosts, seen through ansible-inventory and ansible-playbook."""

from __future__ import annotations

import json
import shutil
import socket
import textwrap
import typing as t
from pathlib import Path

import pytest
import yaml
from inventory_support import Inventory

from ansible_collections.hatci.automation.plugins.inventory import hatci
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

REPOSITORY = Path(__file__).parents[3]
ONE, TWO, THREE = "1HGBH41JXMN109186", "1HGBH41JXMN109187", "KMHD35LE5DU123456"


@pytest.fixture
def inventory(ansible_playbook: AnsiblePlaybook, sums: SumsProcess, tmp_path: Path) -> Inventory:
    """Return an inventory of SUMS; its file is not written yet."""
    return Inventory(ansible_playbook, sums, tmp_path)


@pytest.fixture(autouse=True)
def three_vehicles(sums: SumsProcess) -> None:
    sums.set_vehicle(ONE, program_name="OTA_Test", model_year="2024", region="US")
    sums.set_vehicle(TWO, program_name="OTA_Test", model_year="2025", region="EU")
    sums.set_vehicle(THREE, program_name="OTA_Fleet", model_year="2025")


def test_the_graph_shows_vehicles_in_their_groups(inventory: Inventory) -> None:
    inventory.write(
        keyed_groups=[{"key": "hatci_program_name", "prefix": "program"}],
        groups={"overseas": "hatci_region | default('US') != 'US'"},
    )
    shown = inventory.run("--graph")
    assert shown.returncode == 0, shown.stderr
    assert textwrap.dedent(shown.stdout) == textwrap.dedent(f"""\
        @all:
          |--@ungrouped:
          |--@program_OTA_Test:
          |  |--{ONE}
          |  |--{TWO}
          |--@overseas:
          |  |--{TWO}
          |--@program_OTA_Fleet:
          |  |--{THREE}
        """)
    assert not shown.stderr


def test_every_field_is_a_variable_of_the_roles_names(inventory: Inventory) -> None:
    inventory.write()
    hosts = inventory.list().hosts
    assert hosts[ONE] == {
        "hatci_vin": ONE,
        "hatci_vehicle_id": "veh-000001",
        "hatci_program_name": "OTA_Test",
        "hatci_model_year": "2024",
        "hatci_region": "US",
    }
    assert "hatci_region" not in hosts[THREE]


def test_a_vehicle_from_the_inventory_needs_no_further_description(inventory: Inventory) -> None:
    inventory.write(compose={"ansible_connection": "'local'"})
    play = inventory.play(
        f"""
        - hosts: {ONE}
          gather_facts: false
          tasks:
            - ansible.builtin.include_role:
                name: hatci.automation.hatci_preflight
            - name: Is all known
              ansible.builtin.assert:
                that: hatci_vehicle_metadata_loaded
        """
    )
    assert play.returncode == 0, play.output


def test_hosts_are_named_by_template_and_variables_composed(inventory: Inventory) -> None:
    inventory.write(
        hostname="{{ hatci_program_name | lower }} {{ hatci_vin[-6:] }}",
        compose={"jumpstarter_exporter_selector": "'vin=' ~ hatci_vin"},
    )
    hosts = inventory.list().hosts
    assert sorted(hosts) == ["ota_fleet_123456", "ota_test_109186", "ota_test_109187"]
    assert hosts["ota_test_109186"]["jumpstarter_exporter_selector"] == f"vin={ONE}"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"program_name": "OTA_Test"}, [ONE, TWO]),
        ({"program_name": ["OTA_Test", "OTA_Fleet"], "model_year": 2025}, [TWO, THREE]),
        ({"region": ["US", "EU"]}, [ONE, TWO]),
    ],
)
def test_filters_choose_vehicles(inventory: Inventory, filters: dict[str, object], expected: list[str]) -> None:
    inventory.write(filters=filters)
    assert sorted(inventory.list().hosts) == expected


def test_a_filter_that_fits_nothing_says_so(inventory: Inventory) -> None:
    inventory.write(filters={"programme": "OTA_Test"})
    listed = inventory.list()
    assert listed.hosts == {}
    assert "no vehicle in SUMS has a field 'programme'" in listed.said
    assert "SUMS lists no vehicle that fits the filters (of 3)" in listed.said


def test_all_pages_are_read(inventory: Inventory, sums: SumsProcess) -> None:
    vins = [f"1HGBH41JXMN2{number:05}" for number in range(230)]
    for vin in vins:
        sums.set_vehicle(vin)
    inventory.write()
    assert sorted(inventory.list().hosts) == sorted([*vins, ONE, TWO, THREE])
    assert len([call for call in sums.requests() if call["path"].startswith("/api/v1/vehicles")]) == 3


def test_a_plain_list_without_pages_is_read_too(inventory: Inventory, sums: SumsProcess) -> None:
    sums.add_fault(kind="replace", method="GET", path="/vehicles", body=[{"vin": ONE}, {"vin": ""}, {"id": "no-vin"}])
    inventory.write()
    assert inventory.list().hosts == {ONE: {"hatci_vin": ONE}}


def test_what_sums_says_is_never_run_as_a_template(inventory: Inventory, sums: SumsProcess, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    hostile = f"{{{{ lookup('ansible.builtin.pipe', 'touch {trap}') }}}}"
    sums.add_fault(
        kind="replace",
        method="GET",
        path="/vehicles",
        times=0,
        body=[{"vin": hostile, "program_name": hostile, "more": {"deep": [hostile]}}],
    )
    inventory.write(
        hostname="{{ hatci_vin }}-{{ hatci_program_name }}",
        keyed_groups=[{"key": "hatci_program_name"}],
        groups={"some": "hatci_vin is defined"},
        compose={"copied": "hatci_program_name"},
    )
    (host,) = inventory.list().hosts
    assert "{" not in host
    play = inventory.play(
        """
        - hosts: all
          connection: local
          gather_facts: false
          tasks:
            - name: Show
              ansible.builtin.debug:
                msg: "{{ [hatci_vin, hatci_program_name, copied, hatci_more.deep[0]] }}"
        """
    )
    assert play.returncode == 0, play.output
    assert play.task("Show")["msg"] == [hostile] * 4
    assert not trap.exists()


def test_a_record_cannot_redirect_the_token(inventory: Inventory, sums: SumsProcess) -> None:
    body = [{"vin": ONE, "base_url": "http://127.0.0.1:1", "token_file": "/etc/passwd", "colour": "red"}]
    sums.add_fault(kind="replace", method="GET", path="/vehicles", body=body)
    inventory.write()
    assert inventory.list().hosts == {ONE: {"hatci_vin": ONE, "hatci_colour": "red"}}


def test_address_and_token_may_stand_in_the_file_as_lookups(inventory: Inventory, sums: SumsProcess) -> None:
    inventory.write(
        hatci_base_url="{{ lookup('ansible.builtin.env', 'MY_SUMS') }}",
        hatci_token="{{ lookup('ansible.builtin.env', 'MY_TOKEN') }}",
    )
    listed = inventory.list(HATCI_BASE_URL=None, HATCI_TOKEN=None, MY_SUMS=sums.url, MY_TOKEN=sums.token)
    assert len(listed.hosts) == 3


def test_the_token_may_come_from_a_file(inventory: Inventory, sums: SumsProcess, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(sums.token)
    inventory.write()
    assert len(inventory.list(HATCI_TOKEN=None, HATCI_TOKEN_FILE=str(tmp_path / "token")).hosts) == 3


def test_the_environment_adds_no_file_and_no_key_to_what_the_inventory_gives(
    inventory: Inventory, sums: SumsProcess, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    (tmp_path / "right").write_text(sums.token)
    elsewhere = {"HATCI_TOKEN": "wrong", "HATCI_TOKEN_FILE": str(tmp_path / "wrong"), "HATCI_CLIENT_KEY": "/nowhere"}
    inventory.write(hatci_token="{{ lookup('ansible.builtin.env', 'MY_TOKEN') }}", client_cert=str(tmp_path / "wrong"))
    assert len(inventory.list(**elsewhere, MY_TOKEN=sums.token).hosts) == 3

    refused = inventory.list(**elsewhere, MY_TOKEN="")
    assert "SUMS answered 401" in refused.said

    inventory.write(hatci_token="wrong", hatci_token_file=str(tmp_path / "right"))
    assert len(inventory.list(HATCI_TOKEN="wrong").hosts) == 3


def test_the_file_for_aap_works_with_the_environment_of_its_credential(inventory: Inventory) -> None:
    shutil.copy(REPOSITORY / "extensions/aap/vehicles.hatci.yml", inventory.file)
    listed = inventory.list(HATCI_VERIFY_TLS="True", HATCI_CA_PATH="")
    assert listed.hosts[ONE]["jumpstarter_exporter_selector"] == f"vin={ONE}"
    assert {"program_OTA_Test", "year_2024", "region_US"} <= set(json.loads(listed.stdout))


@pytest.mark.parametrize("example", list(yaml.safe_load_all(hatci.EXAMPLES)), ids=["shortest", "fullest"])
def test_the_documented_examples_work(
    inventory: Inventory, sums: SumsProcess, tmp_path: Path, example: dict[str, t.Any]
) -> None:
    inventory.write(**{**example, "hatci_base_url": sums.url, "cache_connection": str(tmp_path / "cache")})
    listed = inventory.list()
    hosts = {variables["hatci_vin"] for variables in listed.hosts.values()}
    assert hosts == ({ONE} if "filters" in example else {ONE, TWO, THREE})


def test_variables_that_are_set_but_empty_count_as_not_set(inventory: Inventory) -> None:
    inventory.write()
    empty = dict.fromkeys(("HATCI_TOKEN_FILE", "HATCI_CA_PATH", "HATCI_CLIENT_CERT", "HATCI_VERIFY_TLS"), "")
    assert len(inventory.list(**empty).hosts) == 3


class TestCache:
    """The cache spares SUMS, and nothing else changes."""

    @pytest.fixture(autouse=True)
    def cached(self, inventory: Inventory, tmp_path: Path) -> None:
        inventory.write(**self.options(tmp_path))

    @staticmethod
    def options(tmp_path: Path) -> dict[str, object]:
        return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}

    def test_sums_is_asked_once(self, inventory: Inventory, sums: SumsProcess) -> None:
        first = inventory.list()
        sums.clear_requests()
        assert inventory.list(HATCI_TOKEN=None).hosts == first.hosts
        assert sums.requests() == []

    def test_flushing_asks_again(self, inventory: Inventory, sums: SumsProcess) -> None:
        inventory.list()
        sums.set_vehicle("1HGBH41JXMN109199")
        assert len(inventory.list().hosts) == 3
        flushing = "[{hosts: all, gather_facts: false}]"
        assert inventory.play(flushing, "--list-hosts", "--flush-cache").returncode == 0
        assert len(inventory.list().hosts) == 4

    def test_filters_apply_to_what_is_cached(self, inventory: Inventory, sums: SumsProcess, tmp_path: Path) -> None:
        inventory.list()
        sums.clear_requests()
        inventory.write(filters={"region": "EU"}, **self.options(tmp_path))
        assert sorted(inventory.list().hosts) == [TWO]
        assert sums.requests() == []

    def test_another_sums_is_not_answered_from_it(self, inventory: Inventory, sums: SumsProcess) -> None:
        inventory.list()
        listed = inventory.list(HATCI_BASE_URL=f"{sums.url}/staging")
        assert listed.hosts == {}
        assert "Failed to parse" in listed.said

    def test_the_token_is_not_in_it(self, inventory: Inventory, sums: SumsProcess, tmp_path: Path) -> None:
        inventory.list()
        (kept,) = (tmp_path / "cache").iterdir()
        assert ONE in kept.read_text()
        assert sums.token not in kept.read_text()

    def test_hostile_values_stay_text(self, inventory: Inventory, sums: SumsProcess) -> None:
        sums.set_vehicle(ONE, program_name="{{ 6 * 7 }}")
        inventory.list()
        sums.clear_requests()
        play = inventory.play(
            f"""
            - hosts: {ONE}
              connection: local
              gather_facts: false
              tasks:
                - name: Show
                  ansible.builtin.debug:
                    msg: "{{{{ hatci_program_name }}}}"
            """
        )
        assert play.task("Show")["msg"] == "{{ 6 * 7 }}"
        assert sums.requests() == []


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestErrors:
    """Each failure is one sentence that names the cause and never shows the token."""

    def test_wrong_token(self, inventory: Inventory) -> None:
        inventory.write()
        listed = inventory.list(HATCI_TOKEN="do-not-show-me")
        assert listed.hosts == {}
        assert "SUMS answered 401" in listed.said
        assert "check hatci_token" in listed.said
        assert "do-not-show-me" not in listed.said + listed.stdout

    def test_dead_host(self, inventory: Inventory) -> None:
        inventory.write()
        listed = inventory.list(HATCI_BASE_URL=f"http://127.0.0.1:{closed_port()}")
        assert "cannot be reached (connection refused)" in listed.said
        assert "check hatci_base_url and the network" in listed.said
        assert "Traceback" not in listed.said

    def test_no_address(self, inventory: Inventory) -> None:
        inventory.write()
        listed = inventory.list(HATCI_BASE_URL=None)
        assert "hatci_base_url is not set; give it in the inventory file or as HATCI_BASE_URL." in listed.said

    def test_no_token(self, inventory: Inventory) -> None:
        inventory.write()
        assert "hatci_token is empty; give hatci_token" in inventory.list(HATCI_TOKEN=None).said

    def test_a_token_template_that_fails_is_not_shown(self, inventory: Inventory) -> None:
        inventory.write(hatci_token="{{ 'half-a-token' | no_such_filter }}")
        listed = inventory.list()
        assert "hatci_token is a template that fails" in listed.said
        assert "half-a-token" not in listed.said

    def test_verification_is_not_turned_off_by_a_slip(self, inventory: Inventory) -> None:
        inventory.write()
        assert "verify_tls is 'ture'; give true or false." in inventory.list(HATCI_VERIFY_TLS="ture").said

    def test_two_vehicles_of_one_name(self, inventory: Inventory) -> None:
        inventory.write(hostname="{{ hatci_program_name }}")
        listed = inventory.list()
        assert listed.hosts == {}, "an inventory with a vehicle missing must not pass for whole"
        assert f"the vehicles {ONE} and {TWO} would both be named OTA_Test" in listed.said

    def test_a_name_that_not_every_vehicle_has(self, inventory: Inventory) -> None:
        inventory.write(hostname="{{ hatci_region }}")
        assert f"hostname fails for {THREE}" in inventory.list().said

    def test_a_strict_group_on_a_field_that_is_missing(self, inventory: Inventory) -> None:
        inventory.write(strict=True, groups={"us": "hatci_region == 'US'"})
        assert THREE in inventory.list().said

    def test_no_list_of_vehicles(self, inventory: Inventory, sums: SumsProcess) -> None:
        sums.add_fault(kind="html", method="GET", path="/vehicles")
        inventory.write()
        assert "is there a login page or a proxy in between?" in inventory.list().said

    def test_aap_fails_the_update_of_the_inventory(self, inventory: Inventory) -> None:
        inventory.write()
        listed = inventory.list(HATCI_TOKEN="wrong", ANSIBLE_INVENTORY_UNPARSED_FAILED="true")
        assert listed.returncode != 0
