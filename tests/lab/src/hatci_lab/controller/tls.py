# SPDX-License-Identifier: GPL-3.0-or-later
"""A self-signed server certificate for loopback: jmp speaks no plaintext gRPC."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class ServerIdentity:
    key: bytes
    certificate: bytes
    ca_file: Path


def load_or_create(directory: Path) -> ServerIdentity:
    ca_file, key_file = directory / "ca.pem", directory / "server.key"
    if not ca_file.exists():
        key, certificate = _self_signed()
        key_file.touch(mode=0o600)
        key_file.write_bytes(key)
        ca_file.write_bytes(certificate)
    return ServerIdentity(key_file.read_bytes(), ca_file.read_bytes(), ca_file)


def _self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hatci_lab jumpstarter controller")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)
