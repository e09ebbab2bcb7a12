# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as a journal keeps them: short, without control characters, without secrets."""

from __future__ import annotations

import json
import pathlib
import re
import sys
import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically

HIDDEN = "(hidden)"

MAX_TEXT = 4000
MAX_ITEMS = 200
MAX_DEPTH = 8

EVERYDAY = re.compile("[A-Za-z]{1,12}")
"""A secret that is such a word is not hidden in keys and in what tells which line of a journal this is."""

STRUCTURE = ("event", "id", "module", "outcome")

SECRET_NAME = re.compile(r"token(?!_file)|passw|passphrase|secret|authorization|credential|private", re.IGNORECASE)
URL_PASSWORD = re.compile(r"(?<=://)(?:[^/@:\s]*:(?!\d+(?:/|$))[^\s\"'<>]*|[^/@\s]+)@")
"""A password may hold what should have been quoted: ``/`` and ``@``."""

BEARER = re.compile(r"(?<=\bBearer )[\w.~+/=-]{8,}")


def shorten(
    value: t.Any,
    secrets: t.Collection[str] = (),
    *,
    items: int = MAX_ITEMS,
    text: int = MAX_TEXT,
    depth: int = MAX_DEPTH,
) -> t.Any:
    """Return a value that JSON takes, of bounded size, in which no secret stands.

    :param secrets: texts that must not appear, whole or within other texts.
    :param items: so many are kept of a list or a dictionary.
    :param text: so many characters are kept of a text.
    """

    def inner(part: t.Any) -> t.Any:
        return shorten(part, secrets, items=items, text=text, depth=depth - 1)

    match value:
        case None | bool() | int():
            return value
        case float():
            return value if abs(value) < float("inf") else None
        case _ if depth == 0:
            return "..."
        case Mapping():
            unusual = _unusual(secrets)
            pairs = [(str(name), part) for name, part in value.items()][:items]
            return {
                _text(name, unusual, text): HIDDEN if SECRET_NAME.search(name) and part else inner(part)
                for name, part in pairs
            }
        case list() | tuple() | set() | frozenset():
            return [inner(part) for part in list(value)[:items]]
    return _text(str(value), secrets, text)


def has_longer(value: t.Any, items: int, depth: int = MAX_DEPTH) -> bool:
    """Whether a list or a dictionary, or one in it, has more than so many items."""
    if depth == 0 or not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return False
    parts = value.values() if isinstance(value, Mapping) else value
    return len(value) > items or any(has_longer(part, items, depth - 1) for part in parts)


def hide_in_file(path: pathlib.Path, secrets: t.Collection[str]) -> None:
    """Take secrets out of a file of text, also as JSON writes them; one that is not there has none.

    :raises OSError: it cannot be read or written.
    """
    _rewrite(path, secrets, _replaced)


def hide_in_lines(path: pathlib.Path, secrets: t.Collection[str]) -> None:
    """Take secrets out of the values of a file with a JSON object a line; what makes it readable stays.

    :raises OSError: it cannot be read or written.
    """
    _rewrite(path, secrets, lambda text, hidden: "\n".join(_shown(line, hidden) for line in text.split("\n")))


def _rewrite(path: pathlib.Path, secrets: t.Collection[str], show: t.Callable[[str, t.Collection[str]], str]) -> None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if secrets else ""
    except FileNotFoundError:
        return
    shown = show(text, secrets)
    if shown != text:
        write_atomically(path, shown, path.stat().st_mode & 0o777)


def structure_of(line: Mapping[str, t.Any], secrets: t.Collection[str]) -> dict[str, str]:
    """Return what tells which line of a journal this is, which a secret that is an everyday word must not hide."""
    told = {name: line.get(name) for name in STRUCTURE}
    return {name: _text(value, _unusual(secrets), MAX_TEXT) for name, value in told.items() if isinstance(value, str)}


def _unusual(secrets: t.Collection[str]) -> list[str]:
    return [secret for secret in secrets if not EVERYDAY.fullmatch(secret)]


def _shown(raw: str, secrets: t.Collection[str]) -> str:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return _replaced(raw, secrets)
    if not isinstance(line, dict):
        return _replaced(raw, secrets)
    moment = {name: line[name] for name in ("time",) if name in line}
    shown = {**shorten(line, secrets, items=sys.maxsize, text=sys.maxsize), **structure_of(line, secrets), **moment}
    return raw if shown == line else json.dumps(shown, ensure_ascii=False)


def _replaced(text: str, secrets: t.Collection[str]) -> str:
    for secret in _longest_first({*secrets, *(json.dumps(secret)[1:-1] for secret in secrets)}):
        text = text.replace(secret, HIDDEN)
    return text


def _longest_first(secrets: t.Collection[str]) -> list[str]:
    """Return secrets in an order in which none is left in part, since another one is how it begins."""
    return sorted(secrets, key=len, reverse=True)


def _text(text: str, secrets: t.Collection[str], longest: int) -> str:
    for secret in _longest_first(secrets):
        text = text.replace(secret, HIDDEN)
    text = BEARER.sub(HIDDEN, URL_PASSWORD.sub(f"{HIDDEN}@", text))
    text = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
