# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signature that others can check: DSSE round an in-toto Statement v1 that tells the result of a test."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import ATTESTATION, MANIFEST
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
RECORD = "record.json"
SUBJECTS = (RECORD, MANIFEST)
"""The record, and what vouches for every other file."""

ADVICE = "give a PEM file with an Ed25519 or ECDSA P-256 key"


def make_attestation(directory: pathlib.Path, record: Record, key: str) -> str:
    """Return a signed statement about the record and the manifest of a directory.

    :param key: path of a private key.
    :raises EvidenceError: it is not a usable key.
    """
    private = load_private_key(key)
    payload = json.dumps(_statement(directory, record)).encode()
    return _envelope(payload, _key_id(private.public_key()), _sign(private, _encoded(payload)))


def check_attestation(directory: pathlib.Path, public_key: str | None) -> list[str]:
    """Return in sentences what is wrong with the attestation of a directory; empty if nothing is.

    :param public_key: path of the key that must have signed; None to check only what the statement says.
    :raises EvidenceError: it is not a usable key.
    :raises OSError: a file cannot be read.
    """
    public = load_public_key(public_key) if public_key else None
    raw = (directory / ATTESTATION).read_bytes()
    try:
        envelope = json.loads(raw)
        signed = envelope["signatures"][0]
        payload, signature = (base64.b64decode(text, validate=True) for text in (envelope["payload"], signed["sig"]))
        key_id = str(signed["keyid"])
        subjects = {subject["name"]: subject["digest"]["sha256"] for subject in json.loads(payload)["subject"]}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return [f"{ATTESTATION} was changed: it cannot be read as an attestation."]
    found = []
    if raw.decode("utf-8", "replace") != _envelope(payload, key_id, signature):
        found.append(f"{ATTESTATION} was changed outside of what is signed.")
    if public is not None:
        if key_id != _key_id(public):
            found.append(f"{ATTESTATION} was changed, or it was signed with another key than {public_key}.")
        if not _is_signed(public, signature, _encoded(payload)):
            found.append(f"The signature in {ATTESTATION} does not fit what it signs and {public_key}.")
    for name in SUBJECTS:
        if subjects.get(name) != _digest(directory / name):
            found.append(f"{name} is not the file that {ATTESTATION} signs.")
    return found


def load_private_key(path: str) -> t.Any:
    """Return a private key.

    :raises EvidenceError: it is not a usable key.
    """
    serialization = _cryptography()[0]
    content = _pem(path, "key")
    try:
        return _checked(serialization.load_pem_private_key(content, None), path, "key")
    except (ValueError, TypeError):
        raise EvidenceError(f"key {path} is not a private key without a passphrase; {ADVICE}.") from None


def load_public_key(path: str) -> t.Any:
    """Return a public key.

    :raises EvidenceError: it is not a usable key.
    """
    serialization = _cryptography()[0]
    content = _pem(path, "public_key")
    try:
        return _checked(serialization.load_pem_public_key(content), path, "public_key")
    except (ValueError, TypeError):
        raise EvidenceError(f"public_key {path} is not a public key; {ADVICE}.") from None


def _statement(directory: pathlib.Path, record: Record) -> Record:
    result = "PASSED" if record["outcome"] == "PASS" else "FAILED"
    name = record["ids"]["test_event_id"] or record["vehicle"]["host"] or "test"
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject, "digest": {"sha256": _digest(directory / subject)}} for subject in SUBJECTS],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": [{"name": MANIFEST, "digest": {"sha256": _digest(directory / MANIFEST)}}],
            **({"url": record["job"]["url"]} if record["job"]["url"] else {}),
            "passedTests": [name] if result == "PASSED" else [],
            "warnedTests": [],
            "failedTests": [name] if result == "FAILED" else [],
        },
    }


def _envelope(payload: bytes, key_id: str, signature: bytes) -> str:
    payload_text, signature_text = (base64.b64encode(data).decode() for data in (payload, signature))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": payload_text,
        "signatures": [{"keyid": key_id, "sig": signature_text}],
    }
    return json.dumps(envelope, indent=1) + "\n"


def _encoded(payload: bytes) -> bytes:
    """Return what DSSE signs of a payload."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def _digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sign(key: t.Any, data: bytes) -> bytes:
    _serialization, ec, _ed25519, hashes = _cryptography()
    is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
    return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())) if is_ec else key.sign(data))


def _is_signed(key: t.Any, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    _serialization, ec, _ed25519, hashes = _cryptography()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _key_id(public: t.Any) -> str:
    """Return the hash of a public key, by which people tell keys apart."""
    serialization = _cryptography()[0]
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _checked(key: t.Any, path: str, option: str) -> t.Any:
    _serialization, ec, ed25519, _hashes = _cryptography()
    is_ec = isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey))
    if (is_ec and key.curve.name == "secp256r1") or isinstance(
        key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)
    ):
        return key
    raise EvidenceError(f"{option} {path} holds a key of another kind; {ADVICE}.")


def _pem(path: str, option: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise EvidenceError(f"{option} {path} cannot be read: {error.strerror}; {ADVICE}.") from None


def _cryptography() -> tuple[t.Any, t.Any, t.Any, t.Any]:
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ImportError:
        raise EvidenceError("cryptography is not in this Python, and keys need it; run this task locally.") from None
    return serialization, ec, ed25519, hashes
