# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what SUMS says, in every spelling the wire has, and refusing what it must not be."""

from __future__ import annotations

import html
import json
import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json
from ansible_collections.hatci.automation.plugins.module_utils._text import MAX_READ, one_line

MAX_ID = 256

HIDDEN = "********"

PERCENT = re.compile(r"\d{1,3}(\.\d{1,20})? ?%?", re.ASCII)
"""A progress that is given as text."""

FIXED_STATES = frozenset(
    {"FIXED", "LOCKED", "RELEASED", "ACTIVE", "SCHEDULED", "DEPLOYING", "DEPLOYED", "IN_PROGRESS", "OK"}
    | {"SUCCESS", "COMPLETE", "COMPLETED"}
)
"""States that an event which is fixed can be in, since it is fixed before it is deployed."""

STATE_KEYS = ("state", "status")
"""Where a state stands; the first one counts."""

Record = dict[str, t.Any]


def hide(value: t.Any, secrets: t.Collection[str]) -> t.Any:
    """Return a JSON value with asterisks for the secrets, wherever they stand in it."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    elif isinstance(value, list):
        return [hide(item, secrets) for item in value]
    elif isinstance(value, dict):
        return {hide(name, secrets): hide(item, secrets) for name, item in value.items()}
    return value


def error_detail(body: bytes, content_type: str, secrets: t.Collection[str] = ()) -> str:
    """Return what an error body says, in one short line; empty if it says nothing for people.

    Secrets are hidden first: shortened, or written as JSON, they could no longer be found.
    """
    try:
        value = hide(parse_json(body), secrets)
    except ValueError:
        try:
            text = body.decode("utf-8")[:MAX_READ]
        except UnicodeDecodeError:
            return f"{len(body)} bytes that are not text"
        if "html" in content_type or text.lstrip()[:1] == "<":
            return _html_title(text, secrets)
        return one_line(hide(text, secrets))
    if isinstance(value, dict):
        value = value.get("error") or value.get("message") or value.get("detail") or value
    return one_line(value if isinstance(value, str) else json.dumps(value))


def find_id(record: t.Any, *keys: str) -> str | None:
    """Return the first id under the keys, as text; None if there is none that could be one."""
    if not isinstance(record, dict):
        return None
    for key in keys:
        value = record.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and could_be_id(value):
            return value
    return None


def could_be_id(text: str) -> bool:
    """Whether text can stand as one segment of a path and name a record."""
    return bool(text.strip()) and text not in (".", "..") and len(text) <= MAX_ID


def find_state(record: Record) -> str | None:
    """Return the state in capitals; None if the record has none."""
    return next((words.upper() for _key, words in _spelled_states(record)), None)


def find_states(record: Record) -> dict[str, str]:
    """Return each state in capitals that a record holds, by its key; the first is the one that counts."""
    return {key: words.upper() for key, words in _spelled_states(record)}


def is_fixed(event: Record) -> bool:
    """Whether an event is fixed (locked), in every spelling of the wire, and nothing in it says otherwise."""
    says_so = event.get("fixed") is True or any(words.lower() == "fixed" for _key, words in _spelled_states(event))
    return says_so and not doubt_fixed(event)


def doubt_fixed(event: Record) -> str:
    """Return what in an event speaks against its being fixed; empty if nothing does."""
    if event.get("fixed") in (False, "false", "no"):
        return "fixed is false"
    doubts = [(key, state) for key, state in find_states(event).items() if state not in FIXED_STATES]
    doubts += _reasons(event, "error_message", "error")
    return f"{doubts[0][0]} is {doubts[0][1]}" if doubts else ""


def find_reason(record: Record) -> str:
    """Return why a deployment failed; empty if SUMS does not say."""
    return next((words for _key, words in _reasons(record, "reason", "error_message")), "")


def find_error(record: Record) -> tuple[str, str] | None:
    """Return what a record says went wrong, and under which key; None if it says nothing of that kind."""
    return next(_reasons(record, "error_message", "error", "errors"), None)


def find_progress(record: Record) -> float | None:
    """Return how far a deployment is, in percent; None if SUMS does not say, or says what cannot be."""
    progress = record.get("progress")
    if isinstance(progress, str) and PERCENT.fullmatch(progress.strip()):
        progress = float(progress.strip().rstrip("% "))
    if isinstance(progress, bool) or not isinstance(progress, (int, float)):
        return None
    return progress if 0 <= progress <= 100 else None


def _spelled_states(record: Record) -> t.Iterator[tuple[str, str]]:
    for key in STATE_KEYS:
        value = record.get(key)
        if isinstance(value, str) and one_line(value):
            yield key, one_line(value)


def _reasons(record: Record, *keys: str) -> t.Iterator[tuple[str, str]]:
    for key in keys:
        value = record.get(key)
        if value:
            yield key, one_line(value if isinstance(value, str) else json.dumps(value))


def _html_title(text: str, secrets: t.Collection[str]) -> str:
    title = re.search(r"<title[^<>]{0,200}>([^<]{0,200})</title", text, re.IGNORECASE)
    words = one_line(hide(html.unescape(title.group(1)), secrets)) if title else ""
    return f"an HTML page titled {words!r}" if words else "an HTML page"
