# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever byte is changed is found: by the module, by openssl and sha256sum alone, and by another implementation."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import evidence_support
import pytest
from cryptography.hazmat.primitives import serialization
from play_support import REPOSITORY
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, manifest
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

PAGE = (REPOSITORY / "docs/EVIDENCE.md").read_text(encoding="utf-8")
KINDS = ("ed25519", "p256")


@pytest.fixture(scope="module", params=KINDS)
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a signed bundle and the path of the public key."""
    home = tmp_path_factory.mktemp(request.param)
    key, public_key = evidence_support.make_key(home, request.param)
    evidence_support.passed(home / "test")
    bundle.bundle(home / "test", None, key)
    return home / "test", public_key


def verify(directory: Path, public_key: str | None = None) -> dict[str, t.Any]:
    return run_operation(
        manage_evidence, {"state": "verified", "path": str(directory), "public_key": public_key, "key": None}, False
    )


def command(name: str) -> str:
    found = re.search(rf"<!-- check: {name} -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def run(directory: Path, name: str, public_key: str) -> subprocess.CompletedProcess[str]:
    line = command(name)
    environment = {**os.environ, "KEY": public_key, "TMPDIR": str(directory.parent)}
    return subprocess.run(
        ["sh", "-c", line], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def test_what_was_bundled_is_verified(signed: tuple[Path, str]) -> None:
    assert verify(*signed)["is_signed"] is True
    assert verify(signed[0])["is_signed"] is False
    for name in ("hashes", "signature"):
        done = run(signed[0], name, signed[1])
        assert done.returncode == 0, done.stderr


def test_another_implementation_verifies_the_signature(signed: tuple[Path, str]) -> None:
    directory, public_key = signed
    raw = json.loads((directory / manifest.ATTESTATION).read_bytes())
    public = serialization.load_pem_public_key(Path(public_key).read_bytes())
    key = SSlibKey.from_crypto(t.cast("t.Any", public), keyid=raw["signatures"][0]["keyid"])
    envelope = Envelope.from_dict(raw)
    assert envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["predicate"]["result"] == "PASSED"
    digest = hashlib.sha256((directory / "record.json").read_bytes()).hexdigest()
    assert statement["subject"][0] == {"name": "record.json", "digest": {"sha256": digest}}


def test_any_changed_byte_of_any_file_is_found(signed: tuple[Path, str]) -> None:
    directory, public_key = signed
    for path in sorted(directory.iterdir()):
        content = path.read_bytes()
        places = sorted({*range(0, len(content), max(1, len(content) // 10)), len(content) - 1})
        for at in places:
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :])
            found = verify(directory, public_key)
            assert found.get("failed"), f"byte {at} of {path.name}"
            assert path.name in found["msg"]
            if path.name not in (manifest.MANIFEST, manifest.ATTESTATION):
                assert f"byte {at} " in found["msg"]
        path.write_bytes(content)
    assert not verify(directory, public_key).get("failed")


@pytest.mark.parametrize("name", ["report.html", "manifest.json", "attestation.intoto.json"])
def test_the_commands_for_everybody_find_a_change_too(name: str, signed: tuple[Path, str]) -> None:
    directory, public_key = signed
    content = (directory / name).read_bytes()
    at = content.index(b'"sig"') + 12 if name.startswith("attestation") else len(content) // 2
    (directory / name).write_bytes(content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :])
    codes = [run(directory, check, public_key).returncode for check in ("hashes", "signature")]
    (directory / name).write_bytes(content)
    assert any(codes)


def test_the_changed_byte_is_named(signed: tuple[Path, str]) -> None:
    directory = signed[0]
    content = (directory / "record.json").read_bytes()
    at = content.index(b'"PASS"') + 1
    (directory / "record.json").write_bytes(content.replace(b'"PASS"', b'"FASS"', 1))
    found = verify(directory)["differences"]
    (directory / "record.json").write_bytes(content)
    assert found[0] == f"record.json was changed: byte {at} (line 4) is 0x46 and was 0x50."


def test_added_missing_and_longer_files_are_told(signed: tuple[Path, str], tmp_path: Path) -> None:
    for path in signed[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / ".page").mkdir()
    for name in ("note.txt", ".hidden.html", ".page/report.html"):
        (tmp_path / name).write_text("new")
    (tmp_path / "junit.xml").unlink()
    with (tmp_path / "report.html").open("a") as file:
        file.write("<!-- -->")
    told = " ".join(verify(tmp_path)["differences"])
    for name in ("note.txt", ".hidden.html", ".page/report.html"):
        assert f"{name} was added" in told
    assert "junit.xml is missing" in told
    assert re.search(r"report.html was changed: the first change is between byte \d+ and byte \d+ .*; it has", told)


def test_a_bundle_without_signature_or_with_another_one_is_refused(signed: tuple[Path, str], tmp_path: Path) -> None:
    for path in signed[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    other = evidence_support.make_key(tmp_path.parent, "ed25519")[1]
    assert "another key" in verify(tmp_path, other)["msg"]
    (tmp_path / manifest.ATTESTATION).unlink()
    assert "attestation.intoto.json is missing" in verify(tmp_path, signed[1])["msg"]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_what_is_not_a_key_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    options = {"state": "started", "path": str(tmp_path / "x"), "key": str(tmp_path / "key"), "public_key": None}
    told = run_operation(manage_evidence, options, False)["msg"]
    assert told.endswith(
        "is not a private key without a passphrase; give a PEM file with an Ed25519 or ECDSA P-256 key."
    )


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", key], check=True, capture_output=True)
    options = {"state": "started", "path": str(tmp_path / "x"), "key": str(key), "public_key": None}
    assert "holds a key of another kind" in run_operation(manage_evidence, options, False)["msg"]


@pytest.mark.parametrize("name", ["hashes", "signature"])
def test_each_command_for_everybody_fails_without_the_manifest(name: str, signed: tuple[Path, str]) -> None:
    directory, public_key = signed
    path = directory / manifest.MANIFEST
    away = path.rename(directory.parent / "away.json")
    done = run(directory, name, public_key)
    away.rename(path)
    assert done.returncode != 0


NAMES = ("Größe 3.png", 'Fahrt "1".log', "back\\slash", 'both\\"', "two  spaces", "of/a/camera.txt", "line\nbreak")


@pytest.fixture
def oddly_named(tmp_path: Path) -> Path:
    """Return a bundle with files of a lab's own."""
    directory = tmp_path / "test"
    evidence_support.passed(directory)
    for name in NAMES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
    return bundle.bundle(directory, None, None)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_checked_by_everybody_whatever_it_is_called(name: str, oddly_named: Path) -> None:
    sound = run(oddly_named, "hashes", "")
    told = " ".join(name.split())
    assert sound.returncode == 0 and not verify(oddly_named).get("failed"), sound.stderr

    (oddly_named / name).write_text("changed")
    assert run(oddly_named, "hashes", "").returncode != 0
    assert f"{told} was changed" in verify(oddly_named)["msg"]

    (oddly_named / name).unlink()
    assert run(oddly_named, "hashes", "").returncode != 0
    assert f"{told} is missing" in verify(oddly_named)["msg"]


@pytest.mark.parametrize("name", [b"latin-\xe9.log", b"tab\t.log"])
def test_a_name_that_the_line_cannot_read_is_never_passed_over(name: bytes, oddly_named: Path) -> None:
    path = oddly_named / os.fsdecode(name)
    path.write_text("own")
    bundle.bundle(oddly_named, None, None)
    assert not verify(oddly_named).get("failed")
    assert run(oddly_named, "hashes", "").returncode != 0
    path.write_text("changed")
    json.dumps(verify(oddly_named), ensure_ascii=False).encode()


def test_a_payload_of_another_type_is_found_by_everybody(signed: tuple[Path, str], tmp_path: Path) -> None:
    for path in signed[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / manifest.ATTESTATION).read_text()
    (tmp_path / manifest.ATTESTATION).write_text(text.replace("vnd.in-toto+json", "vnd.other+json"))
    assert run(tmp_path, "signature", signed[1]).returncode != 0
