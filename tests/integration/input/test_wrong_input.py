# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input: one sentence that says what to do, and nothing was created."""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from play_support import PLAYBOOKS, TEST_VARIABLES
from sums_support import assert_is_sentence

from hatci_lab.sums.process import SumsProcess, TlsFiles

PLAYBOOK = PLAYBOOKS / "ota_single_vehicle.yml"
Refused = Callable[..., str]


@pytest.fixture
def refused(play_vehicle: t.Any, sums: SumsProcess) -> Refused:
    """Run a test with some variables changed, or left out with None; return the sentence that it was refused with.

    Nothing may have been created in SUMS. An exporter config that is refused leaves no file.
    """

    def play(env: dict[str, str] | None = None, **changed: t.Any) -> str:
        variables = {name: value for name, value in {**TEST_VARIABLES, **changed}.items() if value is not None}
        played = play_vehicle(PLAYBOOK, variables=variables, env=env)
        assert played.returncode == 2, played.output
        assert "Traceback" not in played.output
        assert [call["method"] for call in sums.requests() if call["committed"]] == []
        assert sums.state()["events"] == sums.state()["test_events"] == []
        files = list((played.home / ".config").rglob("*.yaml"))
        assert files == [] or "Record that the test has begun" in [task.name for task in played.tasks]
        return str([task.result["msg"] for task in played.tasks if task.outcome == "failed"][-1])

    return play


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str], str]:
    """Write an exporter's template and return its path."""

    def write(text: str) -> str:
        path = tmp_path / "exporter.yaml.j2"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def tls_sums(tmp_path: Path) -> Iterator[SumsProcess]:
    """Return a simulated SUMS that speaks TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    files = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")
    with SumsProcess(db=tmp_path / "tls.db", tls=files) as running:
        yield running


def test_missing_variables(refused: Refused) -> None:
    message = refused(hatci_region=None, hatci_target_ecus=None)

    assert_is_sentence(message)
    assert message == "The test lacks hatci_region, hatci_target_ecus; set it for this host. Nothing was created."


@pytest.mark.parametrize("vin", ["1HGBH41JXMN10918O", "1HGBH41JXMN10918", "1hgbh41jxmn109186", ""])
def test_a_malformed_vin(refused: Refused, vin: str) -> None:
    message = refused(hatci_vin=vin)

    assert_is_sentence(message)
    assert message.startswith(
        f"hatci_vin is '{vin}', which is not a valid VIN: give 17 characters of A-Z and 0-9 without"
    )


@pytest.mark.parametrize("which", ["hatci_source_ecus", "hatci_target_ecus"])
def test_an_event_without_ecus(refused: Refused, which: str) -> None:
    message = refused(**{which: []})

    assert_is_sentence(message)
    assert which in message and "needs at least one ECU" in message


def test_an_ecu_without_its_part_number(refused: Refused) -> None:
    message = refused(hatci_target_ecus=[{"ecu_name": "Gateway", "sw_version": "2.0.0"}])

    assert message == (
        "hatci_target_ecus: ECU Gateway has no part_number; give each ECU ecu_name, part_number and sw_version. "
        "Nothing was created."
    )


def test_a_template_that_is_not_there(refused: Refused) -> None:
    message = refused(jumpstarter_exporter_template="/no/such.yaml.j2")

    assert_is_sentence(message)
    assert message == "jumpstarter_exporter_template names /no/such.yaml.j2, which is not a file; correct the path."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind: [", "The exporter config is not valid YAML in line 1"),
        ("kind: Other\n", "The exporter config has no kind: ExporterConfig; correct its template."),
        ("just words\n", "The exporter config has no kind: ExporterConfig; correct its template."),
        ("kind: ExporterConfig\nexport: {}\n", "The exporter config has no driver under export; correct its template."),
        ("kind: {{ serial_port }}\n", "exporter.yaml.j2 cannot be rendered: serial_port is undefined; correct the"),
        ("kind: {{ serial_port\n", "exporter.yaml.j2 cannot be rendered: "),
    ],
    ids=["no yaml", "another kind", "no mapping", "no driver", "undefined variable", "no template"],
)
def test_a_template_that_gives_no_exporter_config(
    refused: Refused, template: Callable[[str], str], text: str, reason: str
) -> None:
    message = refused(jumpstarter_exporter_template=template(text))

    assert_is_sentence(message)
    assert reason in message and message.endswith("None was written.")


@pytest.mark.parametrize("name", ["../../evil", "a/b", ".hidden", "two words"])
def test_an_exporter_name_that_leaves_its_directory(refused: Refused, name: str) -> None:
    message = refused(jumpstarter_exporter_name=name)

    assert_is_sentence(message)
    assert message.startswith(f"name is '{name}'; use letters, digits, dot, dash and underscore")


def test_an_unknown_exporter(refused: Refused) -> None:
    message = refused(jumpstarter_exporter_name="vehicle_of_nobody", jumpstarter_exporter_template=None)

    assert_is_sentence(message)
    assert "There is no exporter config vehicle_of_nobody.yaml in ~/.config/jumpstarter/exporters" in message


def test_a_client_config_that_is_not_there(refused: Refused) -> None:
    message = refused(jumpstarter_client_config="/no/client.yaml")

    assert_is_sentence(message)
    assert "/no/client.yaml, which cannot be read: No such file or directory; give a Jumpstarter client" in message


def test_no_jmp(refused: Refused, ansible_playbook: t.Any, core: Path, tmp_path: Path) -> None:
    python = sys._base_executable  # type: ignore[attr-defined]
    libraries = next(core.parent.glob("lib/python*/site-packages"))
    starter = tmp_path / "bare/ansible-playbook"
    starter.parent.mkdir()
    starter.write_text(f'#!/bin/sh\nexec {python} {core}/ansible-playbook "$@"\n', encoding="utf-8")
    starter.chmod(0o755)
    ansible_playbook.binaries = starter.parent

    message = refused(env={"PATH": f"{starter.parent}:/usr/bin:/bin", "PYTHONPATH": str(libraries)})

    assert_is_sentence(message)
    assert message.startswith("There is no jmp on PATH; install it with: pip install -r requirements.txt")


def test_a_wrong_token(refused: Refused) -> None:
    message = refused(hatci_token="not-the-token")

    assert_is_sentence(message)
    assert "SUMS answered 401" in message and message.endswith("check hatci_token.")
    assert "not-the-token" not in message


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1", "SUMS at 127.0.0.1:1 cannot be reached (connection refused); check hatci_base_url"),
        ("http://sums.invalid", "SUMS at sums.invalid cannot be reached (its name is not known); check hatci_base_url"),
        ("sums.example.com", "hatci_base_url 'sums.example.com' is not a valid address of a server; give"),
        ("", "hatci_base_url '' is not a valid address of a server; give"),
    ],
    ids=["dead host", "unknown host", "no scheme", "empty"],
)
def test_an_address_where_no_sums_is(refused: Refused, url: str, reason: str) -> None:
    message = refused(hatci_base_url=url)

    assert_is_sentence(message)
    assert reason in message


def test_an_address_of_something_else(refused: Refused, sums: SumsProcess) -> None:
    message = refused(hatci_base_url=f"{sums.url}/intranet")

    assert_is_sentence(message)
    assert "404" in message and message.endswith("hatci_base_url.")


def test_http_to_a_port_that_speaks_tls(refused: Refused, tls_sums: SumsProcess) -> None:
    message = refused(hatci_base_url=tls_sums.url.replace("https:", "http:"))

    assert_is_sentence(message)
    assert message.endswith("check hatci_base_url: its port, and whether it must be http or https.")


def test_tls_to_a_port_that_speaks_http(refused: Refused, sums: SumsProcess) -> None:
    message = refused(hatci_base_url=sums.url.replace("http:", "https:"))

    assert_is_sentence(message)
    assert "TLS" in message and "hatci_base_url" in message


def test_a_certificate_of_an_unknown_authority(refused: Refused, tls_sums: SumsProcess) -> None:
    message = refused(hatci_base_url=tls_sums.url)

    assert_is_sentence(message)
    assert "certificate" in message and message.endswith("ca_path.")
