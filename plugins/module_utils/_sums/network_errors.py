# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of the network and of TLS, in words that tell what to do."""

from __future__ import annotations

import re
import ssl
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._text import one_line


def root_cause(error: BaseException) -> BaseException:
    """Return what urllib3 said below requests' wrapping."""
    inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    reason = getattr(inner, "reason", None)
    return reason if isinstance(reason, BaseException) else inner


def is_disconnect(error: t.Any) -> bool:
    """Whether a TLS error, as urllib3 wraps it, is a connection that went away and no refusal."""
    inner = error.args[0] if getattr(error, "args", None) else None
    return isinstance(inner, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or (
        isinstance(inner, ssl.SSLError) and "BAD_RECORD_MAC" in str(inner)
    )


def describe_connection_error(error: BaseException) -> str:
    """Return why a connection failed."""
    text = one_line(str(error))
    for sign, words in (
        ("NameResolutionError", "its name is not known"),
        ("Name or service not known", "its name is not known"),
        ("Temporary failure in name resolution", "its name is not known"),
        ("Connection refused", "connection refused"),
        ("No route to host", "no route to host"),
        ("Network is unreachable", "network is unreachable"),
        ("timed out", "timed out"),
        ("Remote end closed", "connection closed"),
        ("Connection reset", "connection reset"),
        ("Connection aborted", "connection closed"),
        ("EOF occurred", "connection closed"),
        ("connection has been closed", "connection closed"),
        ("IncompleteRead", "answer cut off"),
        ("Tunnel connection failed", text.partition("Tunnel connection failed:")[2].strip(" '\")") or "refused"),
    ):
        if sign in text or sign == type(error).__name__:
            return words
    return type(error).__name__


def describe_tls_error(error: BaseException) -> str:
    """Return why a secure connection failed, and what to do."""
    text = str(error)
    if isinstance(error.args[0] if error.args else None, ssl.SSLCertVerificationError):
        text = error.args[0].verify_message
    for sign, words in (
        ("expired", "its certificate has expired: have it renewed"),
        ("not yet valid", "its certificate is not valid yet: check both clocks"),
        ("ostname mismatch", "its certificate is for another host name: check hatci_base_url"),
        ("IP address mismatch", "its certificate is for another host: check hatci_base_url"),
        ("doesn't match", "its certificate is for another host name: check hatci_base_url"),
        ("self", "its certificate is not signed by a known authority: give the authority's PEM file in ca_path"),
        ("unable to get", "its certificate is not signed by a known authority: give its PEM file in ca_path"),
        ("WRONG_VERSION", "it does not speak TLS there: check scheme and port of hatci_base_url"),
        ("record layer", "it does not speak TLS there: check scheme and port of hatci_base_url"),
        ("certificate required", "it wants a client certificate: give client_cert and client_key"),
        ("NO_CERTIFICATE", "ca_path holds no certificate: give a PEM file there"),
        ("PEM lib", "a PEM file cannot be read: check ca_path, client_cert and client_key"),
        ("KEY_VALUES_MISMATCH", "the key is of another certificate: check client_cert and client_key"),
        ("alert", "it refused the client certificate: check client_cert and client_key"),
    ):
        if sign in text:
            return words
    text = re.sub(r"\[[^\]]*\]|\(_ssl[^)]*\)", "", one_line(text)).strip()
    return f"{text or type(error).__name__}: check ca_path, client_cert and the address"
