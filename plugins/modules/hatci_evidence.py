#!/usr/bin/python
# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hatci_evidence
short_description: Keep and check evidence of tests
version_added: 0.1.0
description:
  - Begins the evidence of a test, notes steps of your own in it, makes its record and its report, publishes them, and
    checks whether they are what they were.
  - The result of V(state=started), registered as C(__hatci_evidence), makes every action of this collection write what
    it does for this host into the journal of the test. Register the result of V(state=bundled) as the same, which ends
    that.
  - Where the directory cannot be written, this module and those actions warn. No test fails for it.

author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - hatci.automation.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is written. V(state=verified) does the same as without it.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Verifying is idempotent.
options:
  state:
    description:
      - V(started) makes a directory for one test below O(path), named by time and host, and begins C(journal.jsonl).
      - V(noted) writes into the journal in O(path) that O(step) begins or, with O(ended), how it has ended. The modules
        of this collection need no such line.
      - V(bundled) makes C(record.json), C(report.html), C(junit.xml), C(manifest.json) and, with O(key),
        C(attestation.intoto.json) of the journal in O(path). A directory that V(started) made gets the id of the test
        event as the end of its name.
      - V(bundled) with an O(path) that holds the directories of tests makes C(index.html) of all of them and
        C(junit.xml) of O(tests).
      - V(verified) fails if any byte in O(path) is not what was bundled, and says which one. Without O(public_key)
        it cannot tell who bundled it.
      - V(published) writes the files of O(path) to O(store), below the name of its directory. With an O(path) that
        holds the directories of tests, all of them that O(store) does not have yet, and their index. A store that does
        not take them within O(timeout) is a warning; they stay in O(path), and the same task publishes them later.
    type: str
    choices: [started, noted, bundled, verified, published]
    required: true
  path:
    description:
      - The directory, on the machine that runs C(ansible-playbook), whatever the target of the task is. A relative one
        is seen from where that was started.
    type: path
    required: true
  key:
    description:
      - PEM file with a private key, Ed25519 or ECDSA P-256 and without a passphrase. It signs the record and the
        manifest.
      - V(started) checks it and remembers its path, for V(bundled) and for a test whose play dies.
    type: path
  public_key:
    description: PEM file with the public key that must have signed.
    type: path
  store:
    description:
      - Where evidence is published, such as V(fs:///srv/evidence), V(s3://bucket/prefix) or V(webdav://host/path).
      - Credentials must not stand in it. They come from the environment of C(ansible-playbook), C(AWS_ACCESS_KEY_ID),
        C(AWS_SECRET_ACCESS_KEY), C(AWS_SESSION_TOKEN), C(AWS_REGION) and C(AWS_ENDPOINT_URL) for S3,
        C(WEBDAV_USERNAME), C(WEBDAV_PASSWORD) or C(WEBDAV_TOKEN) for WebDAV.
      - WebDAV is reached by HTTPS, except on this machine; V(webdav+http://host/path) is plain HTTP.
      - Required with V(state=published).
      - V(started) only checks it, so that a wrong one is told before anything is tested.
      - V(bundled) does the same, and leaves it to a later V(bundled) to say that the test is over, since what is
        published is made before SUMS is told where it is.
    type: str
  timeout:
    description: Seconds that V(state=published) may take in all.
    type: float
    default: 15
  step:
    description: Name of a step of your own, for example of several tasks. Required with V(state=noted).
    type: str
  ended:
    description:
      - How O(step) ended. Without it, O(step) begins.
      - Nothing is written if no step of this name is under way.
    type: str
    choices: [ok, changed, failed]
  summary:
    description: What is told of the end of O(step).
    type: str
    default: ""
  test:
    description:
      - What is known of the test, for its record. What V(started) was told need not be told to V(bundled) again.
      - Keys are V(vin), V(host), V(vehicle_id), V(exporter), V(program_name), V(model_year), V(region), V(tester),
        V(suite), V(scenario), V(expect), V(offer), V(step), V(source) and V(target) (each with V(build_level) and
        V(ecus)), V(job) (with V(id), V(url) and V(revision)), V(links), V(versions), and at the end V(outcome),
        V(summary), V(failed_step), V(failure_outcome), V(troubles), V(ids), V(before) and V(after) (each as
        M(hatci.automation.jumpstarter_diagnostics) returns it), V(checks) (each with V(name), V(passed), V(expected)
        and V(measured)) and V(disturbances) (each with V(name), V(began), V(ended), V(proof) and V(proven)).
      - V(host), V(job), V(versions), and what the variables of a test (such as C(hatci_vin)) say, need not be told if
        this runs in C(ansible-playbook) (the usual way).
      - Ids, lease, deployment, steps, checks of M(hatci.automation.hatci_vehicle_check) and what the vehicle said are
        found in the journal where they are not told.
    type: dict
  tests:
    description:
      - The tests of a run, for C(junit.xml) beside the index.
      - By default those of the hosts of the play, by their C(__hatci_evidence) and C(ota_result), if this runs in
        C(ansible-playbook) (the usual way), else all in O(path).
    type: list
    elements: dict
    suboptions:
      vehicle:
        description: Name of the host.
        type: str
        required: true
      scenario:
        description: Which of its tests this is, where it left no record.
        type: str
        default: ""
      path:
        description: Directory of its evidence, empty if it left none.
        type: str
        default: ""
      outcome:
        description: How its test ended, where it left no record.
        type: str
        default: ERROR
      reason:
        description: Why, where it left no record.
        type: str
        default: ""
  waves:
    description:
      - The waves in which the hosts of the play were to begin, as in M(hatci.automation.hatci_summary). A vehicle of a
        wave that did not begin is V(NOT_BEGUN) in the index, and skipped in C(junit.xml).
    type: raw
  stop_at_fail_percentage:
    description: Share of failed vehicles of a wave at which no further one was to begin.
    type: float
    default: 0
  title:
    description:
      - Title of the index, and name of the suite in its C(junit.xml).
      - An index in which tests of other runs are too is titled by the name of O(path), and names this run below.
    type: str
    default: OTA tests
seealso:
  - module: hatci.automation.hatci_outcome
"""

EXAMPLES = r"""
- name: Begin the evidence
  hatci.automation.hatci_evidence:
    state: started
    path: ota-evidence
    test:
      vin: "{{ hatci_vin }}"
      host: "{{ inventory_hostname }}"
  register: __hatci_evidence

- name: Note that a step of several tasks begins
  hatci.automation.hatci_evidence:
    state: noted
    path: "{{ __hatci_evidence.path }}"
    step: Warm the vehicle up

- name: Note that it has ended
  hatci.automation.hatci_evidence:
    state: noted
    path: "{{ __hatci_evidence.path }}"
    step: Warm the vehicle up
    ended: ok

- name: Finish the evidence
  hatci.automation.hatci_evidence:
    state: bundled
    path: "{{ __hatci_evidence.path }}"
    key: /etc/lab/evidence.pem
    test:
      outcome: PASS
      summary: Update to 2024.02.01 ended COMPLETE.
  register: __hatci_evidence

- name: Make an index of all tests, and a JUnit file of those of this play
  hatci.automation.hatci_evidence:
    state: bundled
    path: ota-evidence
  run_once: true

- name: Publish what is not in the store yet, for example since it was away
  hatci.automation.hatci_evidence:
    state: published
    path: ota-evidence
    store: s3://lab/ota-evidence
  register: sent
  failed_when: sent.kept | length > 0

- name: Check that nothing was changed since
  hatci.automation.hatci_evidence:
    state: verified
    path: ota-evidence/2026-03-01T120000Z-vehicle_001-te-000001
    public_key: /etc/lab/evidence.pub.pem
"""

RETURN = r"""
path:
  description: The directory. It is empty in check mode and where it cannot be written.
  returned: success
  type: str
  sample: /work/ota-evidence/2026-03-01T120000Z-vehicle_001-te-000001
report:
  description: The page to read.
  returned: with V(state=bundled), if it could be written
  type: str
  sample: /work/ota-evidence/2026-03-01T120000Z-vehicle_001-te-000001/report.html
left_out:
  description: What the index of O(path) does not list, in sentences. The page says the same.
  returned: with V(state=bundled) of all tests, if there is any
  type: list
  elements: str
  sample: ["Only the latest 1000 tests are listed; older ones in this directory: 12."]
outcome:
  description: How the test ended, as its record states it. A warning tells if it does not follow from the record.
  returned: with V(state=bundled) of one test and with V(state=verified)
  type: str
  sample: PASS
is_signed:
  description: Whether O(public_key) was given, and its owner has signed.
  returned: with V(state=verified)
  type: bool
  sample: true
artifact_urls:
  description: Where the published files are, the page to read first.
  returned: with V(state=published)
  type: list
  elements: str
  sample: ["s3://lab/ota-evidence/2026-03-01T120000Z-vehicle_001-te-000001/report.html"]
index_urls:
  description: Where the index of O(path) and its JUnit file are.
  returned: with V(state=published), if O(path) holds the directories of tests and an index
  type: list
  elements: str
  sample: ["s3://lab/ota-evidence/index-0f3c2a9b1d4e.html", "s3://lab/ota-evidence/junit-0f3c2a9b1d4e.xml"]
kept:
  description: Directories of tests that the store did not take.
  returned: with V(state=published)
  type: list
  elements: str
  sample: []
differences:
  description: What was changed, in sentences.
  returned: when something was changed
  type: list
  elements: str
  sample: ["record.json was changed: byte 41 (line 3) is 0x46 and was 0x50."]
"""

from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._module import run_module
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

ARGUMENTS = {
    "argument_spec": {
        "state": {"type": "str", "choices": ["started", "noted", "bundled", "verified", "published"], "required": True},
        "path": {"type": "path", "required": True},
        "key": {"type": "path", "no_log": False},
        "public_key": {"type": "path", "no_log": False},
        "store": {"type": "str"},
        "timeout": {"type": "float", "default": 15.0},
        "step": {"type": "str"},
        "ended": {"type": "str", "choices": ["ok", "changed", "failed"]},
        "summary": {"type": "str", "default": ""},
        "test": {"type": "dict"},
        "tests": {
            "type": "list",
            "elements": "dict",
            "options": {
                "vehicle": {"type": "str", "required": True},
                "scenario": {"type": "str", "default": ""},
                "path": {"type": "str", "default": ""},
                "outcome": {"type": "str", "default": "ERROR"},
                "reason": {"type": "str", "default": ""},
            },
        },
        "waves": {"type": "raw"},
        "stop_at_fail_percentage": {"type": "float", "default": 0.0},
        "title": {"type": "str", "default": "OTA tests"},
    },
    "required_if": [("state", "published", ["store"]), ("state", "noted", ["step"])],
    "supports_check_mode": True,
}
OPERATION = manage_evidence


def main() -> None:
    run_module(ARGUMENTS, OPERATION, run_operation)


if __name__ == "__main__":
    main()
