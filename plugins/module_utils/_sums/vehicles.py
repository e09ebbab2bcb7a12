# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vehicles that SUMS knows."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.reply import Reply
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.module_utils._times import Clock, Deadline

MAX_PAGES = 10000
MAX_VEHICLES = 100_000
MAX_SECONDS = 600.0
"""For all pages together."""


def list_vehicles(client: SumsClient, clock: Clock | None = None) -> t.Iterator[Record]:
    """Yield each vehicle that has a VIN, page by page.

    :param clock: as of :class:`Deadline`.
    :raises RequestError: a page cannot be read or is not a list of vehicles, or there is no end of them.
    """
    link, deadline, number = "", Deadline(MAX_SECONDS, clock), 0
    seen: set[str] = set()
    while True:
        reply, following = client.get_page("vehicles", link)
        seen.add(link)
        page = reply.value
        vehicles = page.get("vehicles") if isinstance(page, dict) else page
        if not isinstance(vehicles, list) or not all(isinstance(vehicle, dict) for vehicle in vehicles):
            raise _unusable(reply, "it is not a list of vehicles")
        number += len(vehicles)
        for vehicle in vehicles:
            if isinstance(vehicle.get("vin"), str) and vehicle["vin"].strip():
                yield vehicle
        link = (page.get("next") if isinstance(page, dict) else None) or following or ""
        if not isinstance(link, str):
            raise _unusable(reply, "the link to the next page is not text")
        if not link:
            return
        if number > MAX_VEHICLES or deadline.expired:
            bound = f"{MAX_SECONDS:g} s" if deadline.expired else f"{MAX_VEHICLES} vehicles"
            raise _unusable(
                reply,
                f"the list of vehicles has no end within {bound}; after {number} of them on {len(seen)} pages it is "
                "given up",
            )
        if link in seen or len(seen) > MAX_PAGES:
            raise _unusable(reply, f"page {one_line(link)[:200]!r} leads back to itself")


def _unusable(reply: Reply, why: str) -> errors.UnreadableAnswer:
    return reply.error(errors.UnreadableAnswer, f"the answer of SUMS cannot be used: {why}.")
