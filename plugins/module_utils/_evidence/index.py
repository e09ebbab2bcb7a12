# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of many tests: a table by vehicle and scenario that links to the page of each."""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.index_template import TEMPLATE
from ansible_collections.hatci.automation.plugins.module_utils._evidence.page import render
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record

INDEX = "index.html"

SCRIPT = """
const form = document.querySelector("form"), rows = [...document.querySelectorAll("tbody tr")];
form.hidden = false;
form.addEventListener("input", () => {
  const text = form.text.value.toLowerCase(), outcome = form.outcome.value;
  let shown = 0;
  for (const row of rows) {
    row.hidden = !(row.textContent.toLowerCase().includes(text) && (!outcome || row.dataset.outcome === outcome));
    row.style.display = row.hidden ? "none" : "";
    shown += !row.hidden;
  }
  document.querySelector("output").textContent = shown + " of " + rows.length + " shown";
});
form.addEventListener("submit", event => event.preventDefault());
"""


def row_of_record(record: Record, url: str) -> Record:
    """Return the row of a test that left a record.

    :param url: where its page is, seen from the index.
    """
    return {
        "vehicle": record["vehicle"]["host"] or record["vehicle"]["vin"],
        "vin": record["vehicle"]["vin"],
        "outcome": record["outcome"],
        "scenario": record["test"].get("step") or record["test"]["scenario"],
        "began": record["began"],
        "seconds": record["seconds"],
        "held": record["lease"]["seconds"] if record["lease"] else None,
        "summary": record["summary"],
        "url": url,
    }


def row_without_record(vehicle: str, outcome: str, reason: str, scenario: str = "") -> Record:
    """Return the row of a vehicle that left no record."""
    empty: dict[str, t.Any] = dict.fromkeys(("vin", "began", "url"), "")
    told = {"vehicle": vehicle, "scenario": scenario, "outcome": outcome, "summary": reason}
    return {**empty, **told, "seconds": None, "held": None}


def make_index(title: str, rows: t.Sequence[Record], left_out: t.Sequence[str] = ()) -> str:
    """Return the page of many tests.

    :param left_out: what is not in it, in sentences.
    """
    totals = collections.Counter(row["outcome"] for row in rows)
    return render(
        TEMPLATE,
        title=title,
        rows=rows,
        left_out=left_out,
        totals=totals.most_common(),
        has_scenarios=any(row["scenario"] for row in rows),
        script=SCRIPT,
    )
