# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The connection to SUMS, the same for every module that talks to it."""

    DOCUMENTATION = r"""
options:
  hatci_base_url:
    description:
      - Address of SUMS, without C(/api/v1).
      - Falls back to the environment variable E(HATCI_BASE_URL).
    type: str
    required: true
  hatci_token:
    description:
      - Bearer token for SUMS.
      - Falls back to the environment variable E(HATCI_TOKEN).
      - Either this or O(hatci_token_file) is needed.
    type: str
  hatci_token_file:
    description:
      - File that holds the bearer token. It is read again when SUMS refuses the token, so that a token
        which is renewed during a long job goes on working. Wins over O(hatci_token).
      - Falls back to the environment variable E(HATCI_TOKEN_FILE), unless O(hatci_token) is given.
    type: path
  verify_tls:
    description:
      - Whether the certificate of SUMS is verified.
      - For a private authority give O(ca_path) and leave this on.
      - Falls back to the environment variable E(HATCI_VERIFY_TLS).
    type: bool
    default: true
  ca_path:
    description:
      - PEM file with the certificate authorities that may sign the certificate of SUMS.
      - Falls back to the environment variable E(HATCI_CA_PATH).
    type: path
  client_cert:
    description:
      - PEM file with the client certificate, where SUMS wants one.
      - Falls back to the environment variable E(HATCI_CLIENT_CERT).
    type: path
  client_key:
    description:
      - PEM file with the key of O(client_cert), if that file does not hold it.
      - Falls back to the environment variable E(HATCI_CLIENT_KEY), unless O(client_cert) is given.
    type: path
  idempotent_posts:
    description:
      - Whether this SUMS honours C(Idempotency-Key), that is makes no second record of a creation that it gets again
        with the same key. Then a creation whose answer is lost is sent again and its record found, instead of a failure
        that tells you to look for it.
      - Ask the operators of SUMS. If it is on and SUMS ignores the key, a lost answer makes a duplicate.
      - Falls back to the environment variable E(HATCI_IDEMPOTENT_POSTS).
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait for a connection, and for each part of an answer.
    type: float
    default: 30
  retry_timeout:
    description:
      - Seconds after which no further attempt of a call begins.
      - Reading is repeated on lost connections and on 429, 502, 503 and 504; writing only where the
        request cannot have been processed, that is without a connection, on 429, and on 503 with
        C(Retry-After); with O(idempotent_posts) creating as reading.
      - V(0) tries once.
    type: float
    default: 60
requirements:
  - python >= 3.11
  - requests
notes:
  - Proxies are taken from the environment, as C(requests) does.
  - With a local connection the task runs inside C(ansible-playbook) without starting a Python of its own,
    unless C(become), C(async) or a task C(environment) ask for one. The results are the same.
"""
