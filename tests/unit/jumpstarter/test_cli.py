# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper around jmp, over a stand-in program on PATH."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import cli
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import is_permanent

FakeJmp = Callable[[str], Path]
GROUP = """
  + Exception Group Traceback (most recent call last):
╭──────────── Traceback (most recent call last) ────────────╮
│ /site-packages/jumpstarter/config/client.py:350 in lease  │
│ ╭───── Traceback (most recent call last) ─────╮           │
│ │   350 │ │ │ else float(os.environ.get(X))   │           │
│ ╰─────────────────────────────────────────────╯           │
│ ValueError: could not convert string to float: '30s'      │
╰───────────────────────────────────────────────────────────╯
"""
REFUSED_CONFIG = """Error: Failed to load config: 1 validation error for ClientConfigV1Alpha1
token
  [type=string_type, input_value=['eyJhbGciOiJIUzI1NiIsInR...-JmqU-PIBh36ffHXmY127Q'], input_type=list]
"""


@pytest.fixture
def fake_jmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeJmp:
    """Put a Python script on PATH as jmp."""

    def make(script: str) -> Path:
        path = tmp_path / "bin/jmp"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)
        return path

    return make


@pytest.mark.parametrize(
    "printed",
    [
        '{"leases": []}',
        '\n  {"leases": []}\n',
        '[2026-11-23 14:00:00] INFO connecting\n{"leases": []}\n',
        '[INFO] connecting\n{"leases": []}\nbye\n',
        '\x1b[1;34m{\x1b[0m\x1b[32m"leases"\x1b[0m: []}\x1b[?25h',
        json.dumps('{"leases": []}'),
    ],
    ids=["plain", "spaces", "log line like a list", "log line and more after it", "colours", "JSON inside JSON"],
)
def test_json_is_found_in_whatever_jmp_prints(printed: str) -> None:
    assert cli.parse_printed_json(printed) == {"leases": []}


@pytest.mark.parametrize(
    "printed",
    [
        *("", "Error: no such option", "[INFO] connecting\n", "{broken", "[" * 100_000),
        *('{"leases": NaN}', '{"leases": 1e999}', '{"leases": "\\ud800"}', '{"a":' * 100 + "1" + "}" * 100),
    ],
)
def test_no_json_is_told_from_json(printed: str) -> None:
    with pytest.raises(ValueError):
        cli.parse_printed_json(printed)


def test_jmp_gets_a_clean_environment_and_no_log_lines(fake_jmp: FakeJmp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in cli.DROPPED:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("JMP_NAMESPACE", "lab")
    fake_jmp("print(json.dumps({'argv': sys.argv[1:], 'environ': dict(os.environ)}))")

    seen = cli.Jmp().call_json("get", "leases")

    assert seen["argv"] == ["--log-level", "ERROR", "get", "leases", "-o", "json"]
    assert not set(cli.DROPPED) & set(seen["environ"])
    assert (seen["environ"]["COLUMNS"], seen["environ"]["JMP_NAMESPACE"]) == ("400", "lab")


def test_a_temporary_directory_too_long_for_a_socket_is_not_handed_on(
    fake_jmp: FakeJmp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_jmp("")
    short = "/" + "x" * (cli.LONGEST_TEMPORARY_DIRECTORY - 1)
    monkeypatch.setenv("TMPDIR", short)
    monkeypatch.setattr(tempfile, "tempdir", short)
    assert cli.Jmp().environment()["TMPDIR"] == short

    monkeypatch.setattr(tempfile, "tempdir", short + "x")
    assert cli.Jmp().environment()["TMPDIR"] == "/tmp"


@pytest.mark.slow
def test_the_longest_temporary_directory_that_is_handed_on_is_not_too_long_for_jmp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exporter = tmp_path / "sim.yaml"
    exporter.write_text(
        "apiVersion: jumpstarter.dev/v1alpha1\nkind: ExporterConfig\nmetadata: {name: sim, namespace: ''}\n"
        "endpoint: ''\ntoken: ''\nexport: {power: {type: jumpstarter_driver_power.driver.MockPower}}\n",
        encoding="utf-8",
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        longest = Path(short, "x" * (cli.LONGEST_TEMPORARY_DIRECTORY - len(short) - 1))
        longest.mkdir()
        monkeypatch.setenv("TMPDIR", str(longest))
        monkeypatch.setattr(tempfile, "tempdir", str(longest))

        finished = cli.Jmp().run(
            "shell", "--exporter-config", str(exporter), "--", "sh", "-c", "echo $JUMPSTARTER_HOST"
        )

    assert finished.stdout.startswith(str(longest)), finished.stderr


def test_a_failure_carries_the_words_of_jmp(fake_jmp: FakeJmp) -> None:
    fake_jmp("print('\\x1b[31mError: permission\\x1b[0m\\n  denied', file=sys.stderr); sys.exit(1)")

    with pytest.raises(errors.JmpFailed) as caught:
        cli.Jmp().call("delete", "leases", "one")

    assert caught.value.message == "jmp delete leases failed: Error: permission denied"
    assert caught.value.words == "Error: permission denied"


def test_a_silent_failure_is_told_by_its_exit_code(fake_jmp: FakeJmp) -> None:
    fake_jmp("sys.exit(3)")

    with pytest.raises(errors.JmpFailed, match="jmp version failed: exit code 3"):
        cli.Jmp().call("version")


def test_an_answer_that_is_no_json_is_shown(fake_jmp: FakeJmp) -> None:
    fake_jmp("print('usage: another jmp')")

    with pytest.raises(errors.JmpFailed, match=r"printed no JSON but: usage: another jmp\. Is it the jmp of"):
        cli.Jmp().call_json("get", "leases")


def test_what_needs_no_controller_is_not_blamed_on_it(fake_jmp: FakeJmp) -> None:
    fake_jmp("time.sleep(600)")

    with pytest.raises(
        errors.JmpTimeout, match=r"jmp version gave no answer .* this machine may have too much to do\.$"
    ):
        cli.Jmp().call("version", timeout=0.5)


def test_a_jmp_that_never_answers_is_ended_with_its_last_words(fake_jmp: FakeJmp) -> None:
    fake_jmp("print('Token is expired', file=sys.stderr, flush=True); time.sleep(600)")

    with pytest.raises(errors.JmpTimeout, match=r"jmp get leases gave no answer within 1 s .* said: Token is expired"):
        cli.Jmp().run("get", "leases", timeout=1)


def test_a_jmp_that_cannot_be_run_is_told(fake_jmp: FakeJmp) -> None:
    fake_jmp("").write_text("#!/no/such/interpreter\n", encoding="utf-8")

    with pytest.raises(errors.JmpMissing, match=r"bin/jmp cannot be run: No such file or directory; install"):
        cli.Jmp().call("version")


def test_an_argument_too_long_for_linux_is_not_taken_for_a_missing_jmp(fake_jmp: FakeJmp) -> None:
    fake_jmp("")

    with pytest.raises(errors.InputError, match=r"jmp get exporters cannot be run, .* longer than Linux takes"):
        cli.Jmp().call("get", "exporters", "-l", "x" * 200_000)


def test_jmp_is_also_found_beside_the_python_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    beside = tmp_path / "venv/bin/jmp"
    beside.parent.mkdir(parents=True)
    shutil.copy("/bin/true", beside)
    monkeypatch.setattr(sys, "executable", str(beside.parent / "python"))

    assert cli.find_jmp() == str(beside)
    beside.unlink()
    with pytest.raises(errors.JmpMissing, match=r"There is no jmp on PATH; install it with: pip install -r"):
        cli.find_jmp()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Error: no\n  route\n", "Error: no route"),
        ("\x1b[1mError\x1b[0m: \x07no\x00", "Error: no"),
        ('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: bad\n', "ValueError: bad"),
        (GROUP, "ValueError: could not convert string to float: '30s'"),
        (
            "╭─ Traceback (most recent call last) ─╮\n│ 180  │\n╰──────╯\nOSError: Failed\nto bind",
            "OSError: Failed to bind",
        ),
        ("╭─ Error ─────╮\n│ No such     │\n│ command.    │\n╰─────────────╯\n", "No such command."),
        (
            REFUSED_CONFIG,
            f"{REFUSED_CONFIG.splitlines()[0]} token [type=string_type, input_value=..., input_type=list]",
        ),
        ("", ""),
    ],
    ids=[
        *("lines", "colours and bells", "traceback", "framed group", "framed traceback", "framed error"),
        *("refused config", "nothing"),
    ],
)
def test_what_jmp_says_becomes_one_plain_line(said: str, line: str) -> None:
    assert cli.plain_line(said) == line


def test_a_config_that_jmp_refuses_is_not_tried_again() -> None:
    refused = errors.JmpFailed("jmp get leases failed", words=cli.plain_line(REFUSED_CONFIG))
    unreachable = errors.JmpFailed("jmp get leases failed", words="Error: grpc error: Connection refused")

    assert is_permanent(refused) and not is_permanent(unreachable)


def test_a_long_text_is_cut_at_its_front() -> None:
    line = cli.plain_line("a" * 1000 + " the end")

    assert len(line) == 400 and line.startswith("...") and line.endswith(" the end")


TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0.c2lnbmF0dXJlLW9mLXRoZS1sYWI"


@pytest.mark.parametrize("token", [TOKEN, "opaque-0123456789-abcdefghij"])
@pytest.mark.parametrize("form", ["token: {}\n", 'token: "{}"\n', "token: >-\n  {}\n", '{{"token": "{}"}}\n', None])
def test_no_piece_of_a_token_is_shown_whatever_jmp_says(
    fake_jmp: FakeJmp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, form: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    arguments: tuple[str, ...] = ()
    if form is None:
        monkeypatch.setenv("JMP_TOKEN", token)
    else:
        config = tmp_path / "alice.yaml"
        config.write_text("kind: ClientConfig\n" * (not form.startswith("{{")) + form.format(token), encoding="utf-8")
        arguments = ("--client-config", str(config))
    says = f"cannot map bearer {token} to a client, nor {token[5:25]}{'. ' * 190} nor Bearer={token[-20:]}"
    fake_jmp(f"print({says!r}, file=sys.stderr); sys.exit(1)")

    with pytest.raises(errors.JmpFailed) as caught:
        cli.Jmp().call("get", "leases", *arguments)

    assert not any(token[at : at + 12] in caught.value.message for at in range(len(token) - 12))
    assert "nor Bearer=" in caught.value.message


def test_a_token_that_jmp_has_renewed_is_used_at_once(fake_jmp: FakeJmp, tmp_path: Path) -> None:
    fake_jmp(
        f"path = {str(tmp_path / 'asked')!r}\n"
        "if os.path.exists(path): print('{}'); sys.exit()\n"
        "open(path, 'w'); print('Token is expired. Please try again now', file=sys.stderr); sys.exit(1)"
    )
    assert cli.Jmp().call_json("get", "leases") == {}


def test_a_machine_without_descriptors_is_not_taken_for_one_without_jmp(
    fake_jmp: FakeJmp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_arguments: object, **_options: object) -> None:
        raise OSError(24, "Too many open files")

    fake_jmp("")
    monkeypatch.setattr(cli, "run_bounded", exhausted)
    with pytest.raises(
        errors.JmpFailed, match=r"jmp get leases cannot be run, since there are no file descriptors left"
    ):
        cli.Jmp().call("get", "leases")
