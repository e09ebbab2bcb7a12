# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for AAP fit each other, the collection, and the rules by which AAP reads them."""

from __future__ import annotations

import re
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.hatci.automation.plugins.inventory.hatci import InventoryModule
from ansible_collections.hatci.automation.plugins.module_utils._evidence.store import parse_store
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import LEFT_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import CONNECTION_ARGUMENTS
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves
from ansible_collections.hatci.automation.plugins.modules import hatci_recover

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/integration/aap"))

from aap_support import FILES, configuration, named  # noqa: E402

CONFIGURATION = configuration()
TEMPLATES: list[dict[str, t.Any]] = CONFIGURATION["controller_templates"]
TYPES: list[dict[str, t.Any]] = CONFIGURATION["controller_credential_types"]
BUILT_IN_TYPES = {
    "Red Hat Ansible Automation Platform": "oauth_token",
    "Source Control": "password",
    "Container Registry": "password",
}
SECRET_INPUTS = {
    **{"HATCI SUMS": "token", "Jumpstarter client": "client_config"},
    **{"HATCI evidence S3": "secret_access_key", "HATCI evidence WebDAV": "password"},
    **BUILT_IN_TYPES,
}
INSTEAD = {"HATCI evidence S3": ["session_token"], "HATCI evidence WebDAV": ["token"]}
"""Further secrets of a type."""
WITH_SURVEY = [one for one in TEMPLATES if one.get("survey_enabled")]


def by_name(one: dict[str, t.Any]) -> str:
    return str(one["name"])


def names(kind: str) -> set[str]:
    return {one["name"] for one in CONFIGURATION[kind]}


def known_variables() -> set[str]:
    """Return every variable that a role declares or a playbook reads."""
    known = set()
    for spec in REPOSITORY.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(spec.read_text(encoding="utf-8"))["argument_specs"].values():
            known |= set(entry["options"])
    for playbook in (REPOSITORY / "playbooks").glob("**/*.yml"):
        known |= set(re.findall(r"\b(?:ota|release_orphaned_leases)_\w+", playbook.read_text(encoding="utf-8")))
    return known


def test_objects_refer_to_objects_that_are_there() -> None:
    types = names("controller_credential_types") | BUILT_IN_TYPES.keys()
    assert {one["credential_type"] for one in CONFIGURATION["controller_credentials"]} <= types
    for template in TEMPLATES:
        assert template["project"] in names("controller_projects")
        assert template["inventory"] in names("controller_inventories")
        assert template["execution_environment"] in names("controller_execution_environments")
        assert set(template.get("credentials", [])) <= names("controller_credentials")
    for source in CONFIGURATION["controller_inventory_sources"]:
        assert source["inventory"] in names("controller_inventories")
        assert source["source_project"] in names("controller_projects")
        assert source["credential"] in names("controller_credentials")
    for schedule in CONFIGURATION["controller_schedules"]:
        assert schedule["unified_job_template"] in names("controller_templates")
        assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=MINUTELY;INTERVAL=15", schedule["rrule"])


@pytest.mark.parametrize("template", TEMPLATES, ids=by_name)
def test_the_playbook_of_a_template_is_in_the_project(template: dict[str, t.Any]) -> None:
    assert (REPOSITORY / template["playbook"]).is_file()


def test_the_inventory_file_is_one_for_the_plugin() -> None:
    (source,) = CONFIGURATION["controller_inventory_sources"]
    path = REPOSITORY / source["source_path"]
    assert InventoryModule().verify_file(str(path))
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["plugin"] == InventoryModule.NAME


def test_what_needs_no_vehicle_needs_no_sums_either() -> None:
    refreshed = {source["inventory"] for source in CONFIGURATION["controller_inventory_sources"]}
    for template in TEMPLATES:
        assert (template["inventory"] in refreshed) is bool(template.get("survey_enabled"))
    (host,) = CONFIGURATION["controller_hosts"]
    assert (host["name"], host["inventory"]) == ("localhost", "HATCI local")


@pytest.mark.parametrize(
    ("job", "tester"),
    [
        ({"awx_user_name": "erika"}, "erika"),
        ({"awx_user_name": None, "awx_schedule_name": "nightly"}, "nightly"),
        ({"awx_parent_job_schedule_name": "weekly"}, "weekly"),
        ({}, "AAP"),
    ],
)
def test_a_job_without_a_user_has_a_tester_too(job: dict[str, t.Any], tester: str) -> None:
    for template in WITH_SURVEY:
        expression = template["extra_vars"]["hatci_tester_name"]
        assert ImmutableSandboxedEnvironment().from_string(str(expression)).render(**job) == tester


@pytest.mark.parametrize("template", WITH_SURVEY, ids=by_name)
def test_a_survey_asks_for_what_the_collection_reads(template: dict[str, t.Any]) -> None:
    in_templates = set(re.findall(r"\w+", " ".join(map(str, template["extra_vars"].values()))))
    for question in template["survey"]["spec"]:
        assert question["variable"] in known_variables() | in_templates
        assert question["question_name"] and question["question_description"]
        if question["type"] == "multiplechoice":
            assert question["default"] in question["choices"]
    asked = [question["variable"] for question in template["survey"]["spec"]]
    assert len(asked) == len(set(asked))


MOST_CHARACTERS = 1024
"""Of an answer, where a survey does not say."""


@pytest.mark.parametrize("template", WITH_SURVEY, ids=by_name)
def test_awx_accepts_the_questions_and_refuses_what_would_test_nothing(template: dict[str, t.Any]) -> None:
    for question in template["survey"]["spec"]:
        kind, name = question["type"], question["variable"]
        assert kind in {"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"}
        assert re.fullmatch(r"[A-Za-z_]\w*", name)
        assert isinstance(question["required"], bool)
        # AWX answers 400 to a launch by API or schedule that leaves out a required answer, though it has a default.
        assert question["required"] is ("default" not in question), name
        if kind in {"text", "textarea"}:
            assert question["min"] == (0 if question.get("default") == "" else 1), f"an empty {name} would be accepted"
            assert len(question.get("default", "x")) <= question.get("max", MOST_CHARACTERS)
        if kind == "integer":
            assert question["min"] <= question["default"] <= question["max"]


def test_nodes_of_a_workflow_are_a_tree_that_awx_accepts() -> None:
    for workflow in CONFIGURATION["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
        assert len(nodes) == len(workflow["simplified_workflow_nodes"])
        for node in nodes.values():
            followers = [one for kind in ("always", "success", "failure") for one in node.get(f"{kind}_nodes", [])]
            assert set(followers) <= nodes.keys() - {node["identifier"]}
            assert not (node.get("always_nodes") and (node.get("success_nodes") or node.get("failure_nodes")))


def test_the_clean_up_can_reach_all_that_it_clears_up_while_no_inventory_is_needed() -> None:
    clean_up = named("controller_templates", CONFIGURATION["controller_schedules"][0]["unified_job_template"])
    assert clean_up["playbook"] == "playbooks/ota_recover.yml"
    assert set(clean_up["credentials"]) == {"SUMS", "Jumpstarter", "AAP"}
    assert clean_up["inventory"] == "HATCI local"
    assert clean_up["allow_simultaneous"] is False
    testing = {one["name"] for one in TEMPLATES if re.search(r"ota_(single|fleet|suite|begin|resume)", one["playbook"])}
    assert testing == set(clean_up["extra_vars"]["ota_recover_job_templates"])
    options = hatci_recover.ARGUMENTS["argument_spec"]
    assert options["job_templates"]["default"] == clean_up["extra_vars"]["ota_recover_job_templates"]


def test_what_is_left_to_somebody_else_is_still_looked_at_when_its_time_is_over() -> None:
    defaults = yaml.safe_load((REPOSITORY / "roles/hatci_ota_test/defaults/main.yml").read_text(encoding="utf-8"))
    within = hatci_recover.ARGUMENTS["argument_spec"]["within_hours"]["default"] * 3600
    assert within + LEFT_SECONDS >= 12 * 3600 + defaults["ota_handover_seconds"]


def test_people_are_told_when_a_test_or_a_clean_up_failed() -> None:
    (schedule,) = CONFIGURATION["controller_schedules"]
    clean_up = named("controller_templates", schedule["unified_job_template"])
    for one in (clean_up, *CONFIGURATION["controller_workflows"]):
        assert one["notification_templates_error"], one["name"]
    for one in (*TEMPLATES, *CONFIGURATION["controller_workflows"]):
        told = [given for kind, given in one.items() if kind.startswith("notification_templates")]
        assert {name for given in told for name in given} <= names("controller_notifications")


@pytest.mark.parametrize("user", ["", "reader"])
@pytest.mark.parametrize(
    ("setting", "owner", "kind"),
    [
        ("hatci_aap_scm", "controller_projects", "Source Control"),
        ("hatci_aap_registry", "controller_execution_environments", "Container Registry"),
    ],
)
def test_a_private_source_is_read_with_its_credential_and_a_public_one_with_none(
    setting: str, owner: str, kind: str, user: str
) -> None:
    (reads,) = CONFIGURATION[owner]
    assert reads["credential"] == f"{{{{ {setting}_credential }}}}"
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    given = {f"{setting}_username": user, "omit": "OMIT"}
    credential = sandbox.from_string(CONFIGURATION[f"{setting}_credential"]).render(given)
    if not user:
        assert credential == "OMIT"
        return
    inputs = named("controller_credentials", credential)["inputs"]
    assert named("controller_credentials", credential)["credential_type"] == kind
    image = "registry.example.com/hatci-ee:0.1.0"
    rendered = {
        name: sandbox.from_string(str(value)).render(
            given | {"hatci_aap_ee_image": image, f"vault_{setting.replace('aap_', '')}_password": "secret"}
        )
        for name, value in inputs.items()
    }
    assert (rendered["username"], rendered["password"]) == (user, "secret")
    assert rendered.get("host", "registry.example.com") == "registry.example.com"


@pytest.mark.parametrize("template", TEMPLATES, ids=by_name)
def test_extra_variables_of_a_template_are_read_by_the_collection(template: dict[str, t.Any]) -> None:
    assert set(template.get("extra_vars", {})) <= known_variables()


@pytest.mark.parametrize("template", WITH_SURVEY, ids=by_name)
def test_ecus_of_a_survey_are_read_as_text_alone(template: dict[str, t.Any]) -> None:
    for side in ("source", "target"):
        given = template["extra_vars"].get(f"hatci_{side}_ecus")
        assert given in (None, f"{{{{ ota_{side}_ecus | hatci.automation.ecus_from_text }}}}")


def test_a_rulebook_answers_the_survey_of_the_job_that_it_launches() -> None:
    (rules,) = yaml.safe_load((REPOSITORY / "extensions/eda/rulebooks/ota_finish.yml").read_text(encoding="utf-8"))
    action = rules["rules"][0]["action"]["run_job_template"]
    survey = named("controller_templates", action["name"])["survey"]["spec"]
    answers = action["job_args"]["extra_vars"].keys()
    assert answers <= {question["variable"] for question in survey}, "a template ignores what its survey does not ask"
    assert {question["variable"] for question in survey if question["required"]} <= answers


def nodes_of(workflow: str) -> dict[str, dict[str, t.Any]]:
    """Return the nodes of a workflow by their identifier."""
    return {node["identifier"]: node for node in named("controller_workflows", workflow)["simplified_workflow_nodes"]}


def test_a_workflow_cleans_up_whatever_happens_and_its_last_node_decides() -> None:
    nodes = nodes_of("HATCI OTA test with clean-up")
    assert {node["unified_job_template"] for node in nodes.values()} <= names("controller_templates")
    test = nodes["test"]
    assert test["unified_job_template"] == "HATCI OTA test"
    (clean_up,) = test["always_nodes"]
    assert "release" in nodes[clean_up]["unified_job_template"]
    (verdict,) = nodes[clean_up]["always_nodes"]
    assert nodes[verdict].keys() & {"always_nodes", "failure_nodes"} == set(), "or AAP calls every outcome successful"


def waves_that_begin(ending: dict[str, str]) -> list[str]:
    """Return the nodes that AAP runs where each ends as given, successfully if not given."""
    nodes, waiting, ran = nodes_of("HATCI OTA fleet in waves"), ["wave_1"], []
    while waiting:
        node = waiting.pop(0)
        if node not in ran:
            ran.append(node)
            followers = f"{'success' if ending.get(node, 'successful') == 'successful' else 'failure'}_nodes"
            waiting += [*nodes[node].get(followers, []), *nodes[node].get("always_nodes", [])]
    return ran


@pytest.mark.parametrize(
    ("ending", "ran"),
    [
        ({}, ["wave_1", "approve_2", "wave_2", "approve_3", "wave_3"]),
        ({"wave_1": "failed"}, ["wave_1"]),
        ({"wave_2": "canceled"}, ["wave_1", "approve_2", "wave_2"]),
        ({"approve_3": "denied"}, ["wave_1", "approve_2", "wave_2", "approve_3"]),
        ({"wave_3": "failed"}, ["wave_1", "approve_2", "wave_2", "approve_3", "wave_3"]),
    ],
)
def test_no_wave_of_the_workflow_begins_after_one_that_failed_or_was_denied(
    ending: dict[str, str], ran: list[str]
) -> None:
    assert waves_that_begin(ending) == [*ran, "clean_up", "verdict"]


def test_the_jobs_of_the_workflow_are_its_waves_in_turn() -> None:
    nodes = nodes_of("HATCI OTA fleet in waves")
    workflow = named("controller_workflows", "HATCI OTA fleet in waves")
    jobs = [node["unified_job_template"] for name, node in nodes.items() if name.startswith("wave")]
    given = [named("controller_templates", job)["extra_vars"] for job in jobs]
    assert [variables["ota_fleet_wave"] for variables in given] == [1, 2, 3]
    assert [Waves.of(variables["ota_fleet_waves"], 200).sizes for variables in given] == [[1, 19, 180]] * 3
    assert TEMPLATES[0]["name"] == "HATCI OTA test", "whose survey the workflow with clean-up has, by its place"
    assert TEMPLATES[1]["name"] == "HATCI OTA fleet test", "whose survey the workflow has, by its place"
    asked = {question["variable"] for question in TEMPLATES[1]["survey"]["spec"]}
    assert not asked & {"ota_fleet_wave", "ota_fleet_waves"}, "an answer would win over the template's own"
    assert workflow["notification_templates_approvals"] and workflow["notification_templates_success"]
    assert all(node["approval_node"]["timeout"] for name, node in nodes.items() if name.startswith("approve"))


@pytest.mark.parametrize("kind", TYPES, ids=by_name)
def test_injectors_use_only_inputs(kind: dict[str, t.Any]) -> None:
    inputs = {field["id"]: "EXAMPLE" for field in kind["inputs"]["fields"]}
    assert set(kind["inputs"]["required"]) <= inputs.keys()
    files = kind["injectors"].get("file", {})
    tower = {"filename": "FILE" if "template" in files else {name.split(".")[1]: "FILE" for name in files}}
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for templates in kind["injectors"].values():
        for template in templates.values():
            assert sandbox.from_string(template).render(**inputs, tower=tower)


def test_the_environment_of_the_sums_credential_is_the_one_that_modules_read() -> None:
    read = {spec["fallback"][1][0] for spec in CONNECTION_ARGUMENTS.values() if "fallback" in spec}
    assert set(named("controller_credential_types", "HATCI SUMS")["injectors"]["env"]) <= read


def rendered(**inputs: t.Any) -> dict[str, str]:
    """Return the environment that AAP makes of a credential for SUMS."""
    environment = named("controller_credential_types", "HATCI SUMS")["injectors"]["env"]
    sandbox = ImmutableSandboxedEnvironment()
    given = {"skip_tls_verification": False, **inputs, "tower": {"filename": {"ca": "/runner/env/ca"}}}
    return {name: sandbox.from_string(template).render(**given) for name, template in environment.items()}


def test_what_nobody_filled_in_is_the_safe_choice() -> None:
    least = rendered(base_url="https://sums.example.com", token="t")
    assert least["HATCI_VERIFY_TLS"] == "True"
    assert least["HATCI_CA_PATH"] == ""
    assert rendered(skip_tls_verification=True)["HATCI_VERIFY_TLS"] == "False"
    assert rendered(ca_certificate="PEM")["HATCI_CA_PATH"] == "/runner/env/ca"


def environment_of(kind: str, **inputs: str) -> dict[str, str]:
    """Return the environment that AAP makes of a credential of a type, in which a box that is not filled is empty."""
    found = named("controller_credential_types", kind)
    empty = {field["id"]: "" for field in found["inputs"]["fields"]}
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment = found["injectors"]["env"]
    given = {**empty, **inputs}
    return {name: sandbox.from_string(template).render(given) for name, template in environment.items()}


def test_the_environment_of_an_evidence_store_is_the_one_that_the_store_reads() -> None:
    key = {"access_key_id": "AK", "secret_access_key": "s"}
    least = environment_of("HATCI evidence S3", **key)
    assert parse_store("s3://lab", least).options == {"bucket": "lab", "root": "/", "region": "us-east-1", **key}
    more = {**key, "session_token": "t", "region": "eu-1"}
    all_of_it = environment_of("HATCI evidence S3", **more, endpoint_url="https://s3.example.com")
    found = parse_store("s3://lab/tests", all_of_it).options
    assert found == {"bucket": "lab", "root": "/tests", "endpoint": "https://s3.example.com", **more}
    for given in ({"username": "lab", "password": "p"}, {"token": "t"}):
        options = parse_store("webdav://dav.example.com/x", environment_of("HATCI evidence WebDAV", **given)).options
        assert options == {"endpoint": "https://dav.example.com", "root": "/x", **given}


def test_secrets_are_hidden_and_none_is_in_the_files() -> None:
    for kind in TYPES:
        secret = [field["id"] for field in kind["inputs"]["fields"] if field.get("secret")]
        assert secret == [SECRET_INPUTS[kind["name"]], *INSTEAD.get(kind["name"], [])]
    for credential in CONFIGURATION["controller_credentials"]:
        secret = credential["inputs"][SECRET_INPUTS[credential["credential_type"]]]
        assert re.fullmatch(r"\{\{ vault_\w+( \| default\(''\))? \}\}", secret)


def test_the_execution_environment_holds_these_versions() -> None:
    text = (FILES / "execution-environment.yml").read_text(encoding="utf-8")
    for directory in (REPOSITORY, REPOSITORY / "companion/jumpstarter"):
        galaxy = yaml.safe_load((directory / "galaxy.yml").read_text(encoding="utf-8"))
        tarball = f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
        assert text.count(tarball) == 2
    version = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert f"hatci-ee:{version}" in text
    assert CONFIGURATION["hatci_aap_ee_image"].endswith(f"hatci-ee:{version}")


def test_the_collection_declares_its_python_requirements() -> None:
    declared = yaml.safe_load((REPOSITORY / "meta/execution-environment.yml").read_text(encoding="utf-8"))
    assert (REPOSITORY / declared["dependencies"]["python"]).is_file()


@pytest.mark.parametrize("name", ["release_orphaned_leases", "ota_recover", "ota_verdict"])
def test_no_choice_of_tags_makes_a_playbook_green_that_has_done_nothing(name: str) -> None:
    (play,) = yaml.safe_load((REPOSITORY / f"playbooks/{name}.yml").read_text(encoding="utf-8"))
    assert [task.get("tags") for task in play["tasks"]] == ["always"] * len(play["tasks"])
