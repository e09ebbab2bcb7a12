# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all pages share: their look, and HTML made of templates in which everything from outside is escaped.

A page is one file. It needs no network, which its own policy forbids, and no script to be read.
"""

from __future__ import annotations

import datetime
import functools
import json
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError
from ansible_collections.hatci.automation.plugins.module_utils._evidence.style import STYLE

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'{{ policy }}">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
"""

GOOD = frozenset({"PASS"})
ODD = frozenset({"ABORTED", "ERROR", "TIMEOUT", "INVALID", "UNREACHABLE", "NOT_BEGUN"})


def render(template: str, script: str = "", **values: t.Any) -> str:
    """Return a page made of a template of Jinja.

    :param script: of the page, which can be read without it.
    :raises EvidenceError: Jinja is not in this Python.
    """
    compiled = compile_page(template)
    import markupsafe

    own = {"style": markupsafe.Markup(STYLE), "script": markupsafe.Markup(script)}  # noqa: S704  # our own texts
    policy = "; script-src 'unsafe-inline'" if script else ""
    return str(compiled.render(**own, policy=policy, **values))


@functools.lru_cache
def compile_page(template: str) -> t.Any:
    """Return a template ready to be rendered; that takes longer than all the rest, so it is done once.

    :raises EvidenceError: Jinja is not in this Python.
    """
    try:
        import jinja2
    except ImportError:
        raise EvidenceError("Jinja2 is not in this Python, and pages need it; run this task locally.") from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(kind=kind, duration=duration, day=day, clock=clock, compact=compact)
    return environment.from_string(HEAD + template)


def kind(outcome: str) -> str:
    """Return the class of an outcome's colour."""
    return "good" if outcome in GOOD else "odd" if outcome in ODD else "bad"


def duration(seconds: t.Any) -> str:
    """Return seconds as people say them."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {whole % 60:02d} s"


def day(moment: t.Any) -> str:
    """Return a time of a journal as date and time in UTC, to the second."""
    parsed = _parsed(moment)
    return f"{parsed:%Y-%m-%d %H:%M:%S} UTC" if parsed else ""


def clock(moment: t.Any) -> str:
    """Return the time of day of a time of a journal."""
    parsed = _parsed(moment)
    return f"{parsed:%H:%M:%S}" if parsed else ""


def compact(value: t.Any) -> str:
    """Return any value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "; ".join(value) or "none"
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def pretty(value: t.Any) -> str:
    """Return a value as JSON on several lines."""
    return json.dumps(value, ensure_ascii=False, indent=1)


def _parsed(moment: t.Any) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(moment))
    except ValueError:
        return None
