# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vehicle says of itself, ECU by ECU, in the shape that modules return and playbooks compare."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.codes import Code, parse_codes

IDENTITY = ("vin", "part_number", "sw_version", "serial")
"""What identifies an ECU and its software, each read by a data identifier (DID) of its own."""

MAX_TEXT = 200
MAX_ERROR = 600
MAX_CODES = 500

NOT_IN_TIME = "it was not read within the time that was given"
OUT_OF_RANGE = 0x31
VIN = re.compile(r"[A-Z0-9]{17}")
HEX = re.compile(r"(?:[0-9a-f]{2})*")


class _Doubts(t.TypedDict, total=False):
    codes_doubt: str


class Account(_Doubts):
    """What one ECU says; what is not known is None.

    `reachable` says that it answered every request, if with a refusal; `error` is why something is not known, and
    `codes_doubt`, if it is there, why the ECU may have other trouble codes than these.
    """

    name: str
    reachable: bool
    part_number: str | None
    sw_version: str | None
    serial: str | None
    vin: str | None
    codes: list[Code] | None
    error: str | None


def unread(name: str, error: str | None) -> Account:
    """Return the account of an ECU that said nothing, as far as is known within the time that was given."""
    return {
        "name": name,
        "reachable": False,
        "part_number": None,
        "sw_version": None,
        "serial": None,
        "vin": None,
        "codes": None,
        "error": shorten(sentence(error or ""), MAX_ERROR) or NOT_IN_TIME,
    }


def account_of(name: str, dids: t.Mapping[str, int], answer: t.Any) -> Account:
    """Return an ECU's account from what was read of it.

    :param dids: the data identifier of each part of :data:`IDENTITY`.
    :param answer: ``trouble``, a sentence, if the ECU could not be read; else ``identity``, ``codes`` and ``cleared``.
        Each reading is ``{"hex": BYTES}``, ``{"refusal": [CODE, NAME]}`` or ``{"odd": WORDS}``.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("identity"), dict):
        trouble = answer.get("trouble") if isinstance(answer, dict) else None
        return unread(name, trouble if isinstance(trouble, str) else None)
    account = unread(name, None)
    problems: list[str | None] = []
    for field in IDENTITY:
        text, problem = _identity(field, answer["identity"].get(field), f"DID {dids[field]:04X}")
        account[field] = text  # type: ignore[literal-required]
        problems.append(problem)
    if answer.get("codes") is not None:
        account["codes"], problem = _codes(answer["codes"])
        problems.append(problem)
        if isinstance(answer["codes"], dict) and isinstance(answer["codes"].get("doubt"), str):
            account["codes_doubt"] = shorten(sentence(answer["codes"]["doubt"]), MAX_TEXT)
    if answer.get("cleared") is not None:
        problems.append(_bytes_of(answer["cleared"], "clearing the trouble codes")[1])
    account["reachable"] = True
    account["error"] = shorten(sentence("; ".join(problem for problem in problems if problem)), MAX_ERROR) or None
    return account


def vins_told(accounts: t.Iterable[Account]) -> dict[str, list[str]]:
    """Return each valid VIN that ECUs tell, with the names of those that do."""
    told: dict[str, list[str]] = {}
    for account in accounts:
        vin = (account["vin"] or "").upper()
        if VIN.fullmatch(vin):
            told.setdefault(vin, []).append(account["name"])
    return told


def text_of(data: bytes) -> str:
    """Return what an ECU stores as a text: without its padding, or as hex if it is not text."""
    text = data.rstrip(b"\0\xff \t\r\n").decode("latin-1").lstrip(" ")
    if not (text.isascii() and text.isprintable()):
        text = f"0x{data.hex().upper()}"
    return shorten(text, MAX_TEXT)


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, which shows where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _bytes_of(reading: t.Any, asked: str) -> tuple[bytes | None, str | None]:
    """Return what was read, or else why it was not, in words."""
    match reading:
        case {"hex": str(text)} if HEX.fullmatch(text):
            return bytes.fromhex(text), None
        case {"refusal": [int(code), str(name)]}:
            said = f"{name[:1].lower()}{name[1:]} (0x{code:02X})"
            missing = code == OUT_OF_RANGE and asked.startswith("DID")
            return None, f"{said}: it has no {asked}" if missing else f"{said} for {asked}"
        case {"odd": str(words)}:
            return None, f"{asked}: {words}"
        case _:
            return None, f"{asked}: it was not read"


def _identity(field: str, reading: t.Any, asked: str) -> tuple[str | None, str | None]:
    data, error = _bytes_of(reading, asked)
    if data is None:
        return None, error
    text = text_of(data)
    if not text:
        return None, f"{asked}: it is empty"
    if field == "vin" and not VIN.fullmatch(text.upper()):
        return text, f"{asked}: {shorten(text, 60)} is not a valid VIN"
    return text, None


def _codes(reading: t.Any) -> tuple[list[Code] | None, str | None]:
    data, error = _bytes_of(reading, "trouble codes")
    if data is None:
        return None, error
    try:
        codes = parse_codes(data)
    except ValueError as problem:
        return None, f"trouble codes: {problem}"
    cut = f"it has {len(codes)} trouble codes, of which {MAX_CODES} are shown" if len(codes) > MAX_CODES else None
    return codes[:MAX_CODES], cut
