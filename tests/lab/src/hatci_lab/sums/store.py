# SPDX-License-Identifier: GPL-3.0-or-later
"""Durable records: SQLite holds the truth, dictionaries in front of it answer reads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Kind = Literal["events", "deployments", "test_events", "vehicles"]
Record = dict[str, Any]
PREFIXES: dict[Kind, str] = {"events": "ev", "deployments": "deploy", "test_events": "te", "vehicles": "veh"}

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS answer (path TEXT, key TEXT, status INTEGER NOT NULL, body TEXT NOT NULL,
                                   PRIMARY KEY (path, key));
"""


class Store:
    """Records by kind and id (vehicles by VIN), and the answers given under idempotency keys."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._records: dict[Kind, dict[str, Record]] = {kind: {} for kind in PREFIXES}
        for kind, key, body in self._db.execute("SELECT kind, id, body FROM record ORDER BY rowid"):
            self._records[kind][key] = json.loads(body)
        self._answers: dict[tuple[str, str], tuple[int, Any]] = {
            (path, key): (status, json.loads(body))
            for path, key, status, body in self._db.execute("SELECT path, key, status, body FROM answer")
        }
        self.next_ids: list[str] = []
        """Ids for the next events, deployments and test events, whichever comes first; then they are counted again."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything saved inside becomes durable together."""
        with self._db:
            yield

    def next_id(self, kind: Kind) -> str:
        if self.next_ids and kind != "vehicles":
            return self.next_ids.pop(0)
        return f"{PREFIXES[kind]}-{len(self._records[kind]) + 1:06d}"

    def all(self, kind: Kind) -> dict[str, Record]:
        return self._records[kind]

    def get(self, kind: Kind, key: str) -> Record | None:
        return self._records[kind].get(key)

    def save(self, kind: Kind, key: str, record: Record) -> None:
        self._db.execute(
            "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, key, json.dumps(record)),
        )
        self._records[kind][key] = record

    def answer(self, path: str, key: str) -> tuple[int, Any] | None:
        """The status and body once given to a POST on this path under this idempotency key."""
        return self._answers.get((path, key))

    def remember(self, path: str, key: str, status: int, body: Any) -> None:
        self._db.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", (path, key, status, json.dumps(body)))
        self._answers[(path, key)] = (status, body)

    def clear(self) -> None:
        with self._db:
            self._db.execute("DELETE FROM record")
            self._db.execute("DELETE FROM answer")
        for records in self._records.values():
            records.clear()
        self._answers.clear()
        self.next_ids.clear()

    def close(self) -> None:
        self._db.close()
