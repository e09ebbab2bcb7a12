# SPDX-License-Identifier: GPL-3.0-or-later
"""Exporter configs: where they are, how they are written and removed."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import exporter_configs
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.exporter import manage_exporter

GOOD = "kind: ExporterConfig\nexport:\n  power:\n    type: jumpstarter_driver_power.driver.MockPower\n"


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Return the options of a config to be written."""
    return {
        "name": "vehicle_001",
        "content": GOOD,
        "directory": str(tmp_path / "exporters.d"),
        "link_directory": str(tmp_path / "exporters"),
        "state": "present",
    }


def files(options: dict[str, Any]) -> tuple[Path, Path]:
    """Return the paths of the config and of its link."""
    return Path(options["directory"], "vehicle_001.yaml"), Path(options["link_directory"], "vehicle_001.yaml")


def test_a_config_is_found_at_home_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(exporter_configs, "DIRECTORIES", (str(first), str(second)))
    for directory in (second, first):
        directory.mkdir()
        (directory / "sim.yaml").touch()
        assert exporter_configs.find_exporter_config("sim") == directory / "sim.yaml"


def test_the_home_of_the_user_comes_first_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config/jumpstarter/exporters/sim.yaml"
    path.parent.mkdir(parents=True)
    path.touch()
    assert exporter_configs.find_exporter_config("sim") == path


def test_a_config_is_found_where_the_configs_of_jmp_were_moved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "exporters/sim.yaml"
    path.parent.mkdir()
    path.touch()
    assert exporter_configs.find_exporter_config("sim") == path


@pytest.mark.parametrize(
    ("name", "words"), [("nobody", r"There is no exporter config nobody\.yaml in"), ("../x", "exporter is")]
)
def test_an_unknown_exporter_is_told(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        exporter_configs.find_exporter_config(name)


def test_a_config_with_the_line_ends_of_windows_is_written_once(options: dict[str, Any]) -> None:
    options["content"] = GOOD.replace("\n", "\r\n")
    assert [manage_exporter(options, False)["changed"] for _unused in range(2)] == [True, False]


def test_a_config_is_written_once_and_linked(options: dict[str, Any]) -> None:
    config, link = files(options)

    assert manage_exporter(options, False) == {"changed": True, "path": str(config)}
    assert config.read_text(encoding="utf-8") == link.read_text(encoding="utf-8") == GOOD
    assert link.is_symlink() and stat.S_IMODE(config.stat().st_mode) == 0o640
    assert manage_exporter(options, False)["changed"] is False


def test_a_changed_config_replaces_the_old_one_and_a_lost_link_comes_back(options: dict[str, Any]) -> None:
    config, link = files(options)
    manage_exporter(options, False)

    assert manage_exporter({**options, "content": GOOD + "# new\n"}, False)["changed"] is True
    assert config.read_text(encoding="utf-8").endswith("# new\n")
    link.unlink()
    link.symlink_to("/elsewhere")
    assert manage_exporter({**options, "content": GOOD + "# new\n"}, False)["changed"] is True
    assert link.resolve() == config
    assert [path.name for path in config.parent.iterdir()] == ["vehicle_001.yaml"]


def test_one_directory_needs_no_link(options: dict[str, Any]) -> None:
    options["link_directory"] = options["directory"]
    config, _unused = files(options)

    assert manage_exporter(options, False)["changed"] is True
    assert not config.is_symlink()
    assert manage_exporter(options, False)["changed"] is False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("kind: [\n", "is not valid YAML in line 2"),
        ("a: b: c\n", "is not valid YAML in line 1"),
        ("\x00", "is not valid YAML"),
        ("", "has no kind: ExporterConfig"),
        ("- 1\n", "has no kind: ExporterConfig"),
        ("kind: ClientConfig\n", "has no kind: ExporterConfig"),
        ("kind: ExporterConfig\n", "has no driver under export"),
        ("kind: ExporterConfig\nexport: [power]\n", "has no driver under export"),
    ],
)
def test_what_is_no_config_leaves_the_good_one(options: dict[str, Any], content: str, words: str) -> None:
    config, _unused = files(options)
    manage_exporter(options, False)

    with pytest.raises(InputError, match=f"The exporter config {words}.*correct its template. None was written"):
        manage_exporter({**options, "content": content}, False)
    assert config.read_text(encoding="utf-8") == GOOD


def test_a_file_of_somebody_else_is_not_replaced_by_a_link(options: dict[str, Any]) -> None:
    _unused, link = files(options)
    link.parent.mkdir()
    link.write_text("theirs", encoding="utf-8")

    with pytest.raises(InputError, match="is there already and is not a link that this module made"):
        manage_exporter(options, False)
    assert link.read_text(encoding="utf-8") == "theirs"


def test_a_directory_that_cannot_be_written_is_told(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written: Not a directory; give directories that this user can"):
        manage_exporter({**options, "directory": str(tmp_path / "file/exporters.d")}, False)


def test_a_name_cannot_leave_the_directory(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name is '\.\./evil'"):
        manage_exporter({**options, "name": "../evil"}, False)
    assert list(tmp_path.iterdir()) == []


def test_check_mode_predicts_and_writes_nothing(options: dict[str, Any]) -> None:
    config, link = files(options)

    assert manage_exporter(options, True)["changed"] is True
    assert not config.parent.exists() and not link.parent.exists()
    manage_exporter(options, False)
    assert manage_exporter(options, True)["changed"] is False
    assert manage_exporter({**options, "state": "absent"}, True)["changed"] is True
    assert config.exists()


def test_a_config_is_removed_with_its_own_link_only(options: dict[str, Any]) -> None:
    config, link = files(options)
    absent = {**options, "state": "absent", "content": None}
    manage_exporter(options, False)

    assert manage_exporter(absent, False)["changed"] is True
    assert not config.exists() and not link.is_symlink()
    assert manage_exporter(absent, False)["changed"] is False

    link.symlink_to("/elsewhere")
    assert manage_exporter(absent, False)["changed"] is False
    assert link.is_symlink()
