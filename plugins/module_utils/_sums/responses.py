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

MAX_WORDS = 300
MAX_ID = 256
MAX_PAGE = 65536
"""So much of a page or text is looked at for what it says."""

HIDDEN = "********"

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
            text = body.decode("utf-8")[:MAX_PAGE]
        except UnicodeDecodeError:
            return f"{len(body)} bytes that are no text"
        if "html" in content_type or text.lstrip()[:1] == "<":
            return _html_title(text, secrets)
        return one_line(hide(text, secrets))
    if isinstance(value, dict):
        value = value.get("error") or value.get("message") or value.get("detail") or value
    return one_line(value if isinstance(value, str) else json.dumps(value))


def one_line(text: str) -> str:
    """Return text without control characters and line breaks, shortened."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[:MAX_PAGE]).split())
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 3] + "..."


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
    for key in ("state", "status"):
        value = record.get(key)
        if isinstance(value, str) and one_line(value):
            return one_line(value).upper()
    return None


def find_reason(record: Record) -> str:
    """Return why a deployment failed; empty if SUMS does not say."""
    for key in ("reason", "error_message"):
        value = record.get(key)
        if value:
            return one_line(value if isinstance(value, str) else json.dumps(value))
    return ""


def is_fixed(event: Record) -> bool:
    """Whether an event is fixed (locked), in every spelling of the wire."""
    spelled = (event.get("status"), event.get("state"))
    return event.get("fixed") is True or any(isinstance(s, str) and s.strip().lower() == "fixed" for s in spelled)


def _html_title(text: str, secrets: t.Collection[str]) -> str:
    title = re.search(r"<title[^<>]{0,200}>([^<]{0,200})</title", text, re.IGNORECASE)
    words = one_line(hide(html.unescape(title.group(1)), secrets)) if title else ""
    return f"an HTML page titled {words!r}" if words else "an HTML page"
