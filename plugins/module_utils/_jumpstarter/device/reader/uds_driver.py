# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ECU behind a UDS driver of the exporter, which speaks to the ECU itself, over DoIP or CAN."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.link import NotRead, Reading

ANY_STATUS = 0xFF
REPORT_HEAD = b"\x02\xff"
"""As an ECU begins its report of codes by status mask."""
DOUBT = "its driver gave no trouble codes, which it also does when the ECU refuses to tell them"


class DriverLink:
    """See :class:`~.link.Link`.

    :param client: a client of jumpstarter_driver_uds.
    """

    def __init__(self, client: t.Any) -> None:
        self._client = client

    def read(self, did: int) -> Reading:
        """Read a data identifier. One at a time, since the driver refuses more."""
        values = self._call(self._client.read_data_by_identifier, [did])
        if not values:
            return {"odd": "the driver gave an empty answer, so the ECU does not have it or refused"}
        value = values[0].value
        try:
            return {"hex": bytes.fromhex(value).hex()}
        except (TypeError, ValueError):
            return {"odd": f"the driver gave {value!r:.60}"}

    def read_codes(self) -> Reading:
        """Read the trouble codes."""
        codes = self._call(self._client.read_dtc_by_status_mask, ANY_STATUS)
        try:
            records = [code.dtc_id.to_bytes(3, "big") + code.status.to_bytes(1, "big") for code in codes]
        except OverflowError:
            return {"odd": "the driver gave numbers that are not trouble codes"}
        reading: Reading = {"hex": (REPORT_HEAD + b"".join(records)).hex()}
        return reading if records else {**reading, "doubt": DOUBT}

    def clear_codes(self) -> Reading:
        """Clear all trouble codes."""
        response = self._call(self._client.clear_dtc)
        if response.success:
            return {"hex": ""}
        if response.nrc is None:
            return {"odd": "the driver says that it failed"}
        return {"refusal": [response.nrc, response.nrc_name or "unknown"]}

    def _call(self, method: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        from jumpstarter.common.exceptions import JumpstarterException

        try:
            return method(*arguments)
        except (JumpstarterException, ValueError) as error:
            raise NotRead(f"its driver in the exporter failed: {' '.join(str(error).split())}") from None
