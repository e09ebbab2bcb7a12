# SPDX-License-Identifier: GPL-3.0-or-later
"""configure.yml, run by Ansible: what it hands to the role that puts it into AAP.

That role, infra.aap_configuration.dispatch, comes from Galaxy alone. One that writes down what it is given stands for
it, so this shows that all can be read and evaluated, and not that AAP takes it, which tests/unit/test_aap_files.py
compares with facts.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from aap_support import FILES, configuration

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

WRITE_DOWN = """
- ansible.builtin.copy:
    dest: "{{ written_to }}"
    content: "{{ lookup('ansible.builtin.vars', item) | to_json }}"
    mode: "0600"
  vars:
    written_to: "{{ handed_over_in }}/{{ item }}.json"
  loop: "{{ query('ansible.builtin.varnames', '^controller_') }}"
  no_log: true
"""
SECRETS = {
    name: f"secret of {name}"
    for name in (
        *("vault_hatci_token", "vault_jumpstarter_client_config", "vault_hatci_aap_token"),
        *("vault_hatci_scm_password", "vault_hatci_registry_password"),
        *("vault_hatci_evidence_secret_access_key", "vault_hatci_evidence_password"),
    )
}


@pytest.mark.newest_core
def test_all_that_goes_into_aap_is_evaluated_and_what_aap_evaluates_stays_text(
    ansible_playbook: AnsiblePlaybook, tmp_path: Path
) -> None:
    role = tmp_path / "collections/ansible_collections/infra/aap_configuration/roles/dispatch/tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text(WRITE_DOWN, encoding="utf-8")
    found_in = ansible_playbook.environment(ansible_playbook.new_home())["ANSIBLE_COLLECTIONS_PATH"]
    settings = tmp_path / "settings.yml"
    private = {"hatci_aap_scm_username": "reader", "hatci_aap_registry_username": "reader"}
    given = yaml.safe_load((FILES / "config/settings.yml").read_text(encoding="utf-8"))
    settings.write_text(yaml.safe_dump({**given, **private, **SECRETS}), encoding="utf-8")
    handed_over = tmp_path / "handed_over"
    handed_over.mkdir()

    played = ansible_playbook(
        FILES / "configure.yml",
        *("-e", f"@{settings}", "-e", "aap_hostname=https://aap.example.com", "-e", "aap_token=t"),
        *("-e", f"handed_over_in={handed_over}"),
        env={"ANSIBLE_COLLECTIONS_PATH": f"{tmp_path / 'collections'}:{found_in}"},
    )

    assert played.returncode == 0, played.output
    applied = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in handed_over.iterdir()}
    files = configuration()
    assert applied.keys() == {name for name in files if name.startswith("controller_")}
    for kind, objects in files.items():
        if kind.startswith("controller_") and isinstance(objects, list):
            assert [one.get("name") for one in applied[kind]] == [one.get("name") for one in objects]
    templates = {one["name"]: one for one in applied["controller_templates"]}
    asked = templates["HATCI OTA test"]["extra_vars"]["hatci_source_ecus"]
    assert asked == "{{ ota_source_ecus | hatci.automation.ecus_from_text }}"
    assert {one["organization"] for one in templates.values()} == {"Default"}
    text = json.dumps(applied["controller_credentials"])
    assert [name for name, secret in SECRETS.items() if secret not in text] == []
    assert "{{" not in text
    assert applied["controller_projects"][0]["credential"] == "HATCI source control"
