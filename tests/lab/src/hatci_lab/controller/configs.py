# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the config files that jmp reads."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hatci_lab.controller.auth import NAMESPACE


@dataclass(frozen=True)
class ConfigWriter:
    endpoint: str
    ca: bytes

    def client(self, path: Path, name: str, token: str) -> Path:
        return self._write(path, "ClientConfig", name, token, {"drivers": {"allow": [], "unsafe": True}})

    def exporter(self, path: Path, name: str, token: str, export: dict[str, Any]) -> Path:
        return self._write(path, "ExporterConfig", name, token, {"export": export})

    def _write(self, path: Path, kind: str, name: str, token: str, more: dict[str, Any]) -> Path:
        data = {
            "apiVersion": "jumpstarter.dev/v1alpha1",
            "kind": kind,
            "metadata": {"namespace": NAMESPACE, "name": name},
            "endpoint": self.endpoint,
            "tls": {"ca": base64.b64encode(self.ca).decode(), "insecure": False},
            "token": token,
            **more,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return path
