# SPDX-License-Identifier: GPL-3.0-or-later
"""The one look at the controller before a test: what stands in the way is named."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError, JmpFailed
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import info

REFUSED = "jmp get failed: failed to connect to all addresses; last error: ipv4:127.0.0.1:1: Connection refused"


class Unreached:
    """A controller that is asked through a proxy which is not there."""

    def __init__(self, said: str = f"{REFUSED}.") -> None:
        self.said = said

    def ask(self, _seconds: float) -> None:
        raise JmpFailed(self.said, words=self.said)


def test_a_question_keeps_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(JmpFailed) as failure:
        info._ask_controller(t.cast("t.Any", Unreached("jmp said nothing. Is its address right?")), "grpc.lab:8082")
    assert "Is its address right? The environment sends it" in failure.value.message


@pytest.mark.parametrize("proxies", [(), ("https_proxy", "HTTPS_PROXY")])
def test_the_endpoint_and_the_proxy_in_between_are_named(
    proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in info.PROXIES:
        monkeypatch.delenv(name, raising=False)
    for name in proxies:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(JmpFailed) as failure:
        info._ask_controller(t.cast("t.Any", Unreached()), "grpc.lab:8082")
    said = failure.value.message
    assert said.startswith("The Jumpstarter controller at grpc.lab:8082 is of no use now: ")
    assert said.endswith(" through a proxy (https_proxy, HTTPS_PROXY); see no_proxy." if proxies else "refused.")


def look(monkeypatch: pytest.MonkeyPatch, **options: t.Any) -> t.Any:
    """Check how a device is named, as before a test."""
    monkeypatch.setattr(info, "find_exporter_config", lambda _name: None)
    given = {"exporter": None, "selector": None, "expected_exporter": None, "config_follows": False}
    mode = options.pop("mode", "local")
    return info._check_device({**given, "lock_dir": "/tmp/hatci-locks-of-tests", **options}, mode)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "controller", "exporter": "vehicle 001"}, "exporter is 'vehicle 001'"),
        ({"mode": "controller", "exporter": "vehicle_" + "0" * 60}, "neither an exporter's name nor its label"),
        ({"mode": "controller", "exporter": "v", "expected_exporter": "a/b"}, "expected_exporter is 'a/b'"),
        ({"exporter": "vehicle 001"}, "exporter is 'vehicle 001'"),
        ({"exporter": "vehicle/001", "config_follows": True}, "name is 'vehicle/001'"),
        ({"selector": "board=x"}, "no one to match the selector 'board=x'"),
        ({"exporter": "v1", "expected_exporter": "v2"}, "expected_exporter is v2"),
        ({"exporter": "v1", "lock_dir": "locks"}, "give a path from /"),
        ({"exporter": "v1", "lock_dir": "/etc/hostname"}, "The lock directory /etc/hostname cannot be used"),
        (
            {"exporter": "v1", "lock_dir": "/etc/hostname/locks"},
            "The lock directory /etc/hostname/locks cannot be used",
        ),
        ({"selector": "exporter=v1", "lock_dir": "locks"}, "give a path from /"),
    ],
)
def test_a_device_that_could_not_be_leased_is_refused_before_a_test(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, t.Any], words: str
) -> None:
    with pytest.raises(InputError) as failure:
        look(monkeypatch, **options)
    assert words in failure.value.message


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "controller", "selector": "board=x,vin in (1)"},
        {"mode": "controller", "exporter": "vehicle_001", "expected_exporter": "vehicle-001", "lock_dir": "locks"},
        {"mode": "controller", "exporter": "vehicle_001", "selector": "board=x"},
        {"exporter": "vehicle_001", "expected_exporter": "vehicle_001"},
        {"selector": "exporter=vehicle_001"},
        {},
    ],
)
def test_a_device_that_can_be_leased_is_no_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, t.Any]
) -> None:
    look(monkeypatch, **{"lock_dir": str(tmp_path / "not" / "yet"), **options})
    assert not (tmp_path / "not").exists(), "a look makes nothing"


def test_a_jmp_that_an_upgrade_took_away_for_a_moment_is_missed_by_jmp_itself(tmp_path: Path) -> None:
    assert info._stamp(str(tmp_path / "jmp")) == ()


def test_a_host_with_another_token_is_asked_about_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_TOKEN", "of one host")
    first = info._ways_to_controller()
    monkeypatch.setenv("JMP_TOKEN", "of another")
    assert first != info._ways_to_controller()
