# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of calls: one JSON line a call, written when it arrives, kept over restarts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message


class CallLog:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def add(self, method: str, kind: str, name: str, request: Any) -> None:
        args = (
            json_format.MessageToDict(request, preserving_proto_field_name=True) if isinstance(request, Message) else {}
        )
        entry = {"time": time.time(), "method": method, "kind": kind, "name": name, "args": args}
        self._file.write(json.dumps(entry) + "\n")


def read_calls(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
