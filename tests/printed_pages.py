# SPDX-License-Identifier: GPL-3.0-or-later
"""The text on the pages of a PDF that Chromium has printed."""

from __future__ import annotations

import re
import typing as t
import zlib
from pathlib import Path

OBJECT = re.compile(rb"^(\d+) 0 obj\n(.*?)^endobj", re.DOTALL | re.MULTILINE)
FONT_OR_GLYPHS = re.compile(rb"/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]+)> Tj")
MAPPED = re.compile(rb"<([0-9A-Fa-f]{4})>\s*(?:<([0-9A-Fa-f]{4})>\s*)?<([0-9A-Fa-f]{4,})>\s*?\n")

Objects = t.Mapping[int, bytes]


def printed_pages(pdf: Path) -> list[str]:
    """Return the text of each page without its spaces, since what is drawn is glyphs at places."""
    objects = {int(number): content for number, content in OBJECT.findall(pdf.read_bytes())}
    tree = next(content for content in objects.values() if b"/Type /Pages" in content)
    kids = re.findall(rb"(\d+) 0 R", tree.partition(b"/Kids")[2].partition(b"]")[0])
    return [_text_of(objects[int(number)], objects) for number in kids]


def _text_of(page: bytes, objects: Objects) -> str:
    fonts = page.partition(b"/Font <<")[2].partition(b">>")[0]
    letters = {name: _letters(int(number), objects) for name, number in re.findall(rb"/(\w+) (\d+) 0 R", fonts)}
    drawn: list[str] = []
    font: dict[int, str] = {}
    for name, glyphs in FONT_OR_GLYPHS.findall(_stream(page, b"/Contents", objects)):
        if name:
            font = letters[name]
        else:
            drawn += [font.get(int(glyphs[at : at + 4], 16), "?") for at in range(0, len(glyphs), 4)]
    return re.sub(r"\s", "", "".join(drawn))


def _letters(number: int, objects: Objects) -> dict[int, str]:
    """Return which letters the glyphs of a font stand for."""
    found: dict[int, str] = {}
    for first, last, text in MAPPED.findall(_stream(objects[number], b"/ToUnicode", objects)):
        begin, end = int(first, 16), int(last or first, 16)
        letters = bytes.fromhex(text.decode()).decode("utf-16-be")
        found |= {code: letters[:-1] + chr(ord(letters[-1]) + code - begin) for code in range(begin, end + 1)}
    return found


def _stream(content: bytes, name: bytes, objects: Objects) -> bytes:
    """Return the stream that an object names."""
    found = re.search(name + rb" (\d+) 0 R", content)
    assert found, content
    raw = objects[int(found[1])].partition(b"stream\n")[2].rpartition(b"\nendstream")[0]
    return zlib.decompress(raw) if raw[:1] == b"\x78" else raw
