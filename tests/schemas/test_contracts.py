"""Contracts are promises: what was valid in version 1 stays valid, and what is published is what runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import schemas
from schemas.export import ASYNCAPI, CONTRACTS, documents
from schemas.upcast import STEPS, VersionUnknown, upcast
from service.settings import Settings

PUBLISHED = Path(str(schemas.__file__)).parent / "json"
FIRST = Path(__file__).parent / "v1"
REQUIRED = {
    "incident-log": {"force", "ref", "received_at"},
    "public-protection-referral": {"force", "ref", "received_at"},
    "crime-record": {"force", "ref", "recorded_at"},
    "heartbeat": {"force", "until"},
}
"""What version 1 demanded of a sender; more would turn away what was good."""


def first(name: str) -> dict[str, Any]:
    """The committed document of a contract in version 1, with every field that it had."""
    held: dict[str, Any] = json.loads((FIRST / f"{name}.json").read_text(encoding="utf-8"))
    return held


def test_what_is_published_is_what_runs() -> None:
    """``recount sources schemas --out schemas/json`` writes them anew."""
    published = {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.glob("*.json")}
    assert published == documents()


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_document_of_version_1_still_loads_and_nothing_of_it_is_lost(name: str) -> None:
    document = first(name)
    read = CONTRACTS[name].model_validate_json(json.dumps(document))
    held = read.model_dump(mode="json")
    assert _without_instants(document) == _without_instants({key: held[key] for key in document})


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_committed_document_has_every_field(name: str) -> None:
    document = first(name)
    assert set(document) == set(CONTRACTS[name].model_fields)
    for key, value in document.items():
        inner = _inner(CONTRACTS[name], key)
        held = value[0] if isinstance(value, list) else value
        if inner is not None:
            assert set(held) == set(inner.model_fields), key


@pytest.mark.parametrize("name", CONTRACTS)
def test_required_fields_never_grow(name: str) -> None:
    schema = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    assert set(schema["required"]) == REQUIRED[name]
    minimal = {key: first(name)[key] for key in REQUIRED[name]}
    if name == "heartbeat":
        minimal["kind"] = "heartbeat"
    assert CONTRACTS[name].model_validate_json(json.dumps(minimal))


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_is_frozen_and_refuses_what_it_does_not_know(name: str) -> None:
    read = CONTRACTS[name].model_validate_json(json.dumps(first(name)))
    with pytest.raises(ValidationError):
        read.force = "34"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError):
        CONTRACTS[name].model_validate(first(name) | {"more": 1})


def test_every_field_says_what_it_means() -> None:
    for name in CONTRACTS:
        schema = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
        for part in (schema, *schema.get("$defs", {}).values()):
            for key, field in part.get("properties", {}).items():
                assert field.get("description"), f"{name}: {part['title']}.{key}"


# -- raising older versions -------------------------------------------------------------------


def test_an_older_document_is_raised_step_by_step() -> None:
    steps = {
        1: lambda old: {**old, "ref": old["number"]},
        2: lambda old: {key: value for key, value in old.items() if key != "number"},
    }
    raised = upcast({"schema_version": 1, "number": "7"}, steps, 3)
    assert raised == {"schema_version": 3, "ref": "7"}
    assert upcast({"schema_version": 3, "ref": "7"}, steps, 3) == {"schema_version": 3, "ref": "7"}
    assert upcast({"ref": "7"}, steps, 3) == {"schema_version": 3, "ref": "7"}


@pytest.mark.parametrize("version", [2, 0, -1, "1", None, True])
def test_a_version_nobody_knows_is_refused(version: Any) -> None:
    with pytest.raises(VersionUnknown):
        upcast({"schema_version": version})


def test_every_version_so_far_can_be_raised() -> None:
    for name in CONTRACTS:
        current = CONTRACTS[name].model_fields["schema_version"].default
        assert set(STEPS) == set(range(1, current))
        assert CONTRACTS[name].model_validate(upcast(first(name)))


def _inner(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    def parts(annotation: Any) -> Any:
        yield annotation
        for part in getattr(annotation, "__args__", ()):
            yield from parts(part)

    found = parts(model.model_fields[key].annotation)
    return next((p for p in found if isinstance(p, type) and issubclass(p, BaseModel)), None)


def _without_instants(held: Any) -> Any:
    """Instants are held in UTC and may be written otherwise."""
    if isinstance(held, dict):
        return {
            k: _without_instants(v) for k, v in held.items() if not k.endswith(("_at", "until"))
        }
    if isinstance(held, list | tuple):
        return [_without_instants(each) for each in held]
    return "" if isinstance(held, str) and "T00:00:00" in held else held


def test_asyncapi_names_the_topics_of_the_settings_and_only_schemas_beside_it() -> None:
    held = json.loads((PUBLISHED / ASYNCAPI).read_text(encoding="utf-8"))
    settings = Settings()
    outputs = {settings.alerts_topic, settings.dead_letters_topic}
    assert {each["address"] for each in held["channels"].values()} == {*settings.topics, *outputs}
    for name, operation in held["operations"].items():
        assert operation["action"] == ("send" if name in outputs else "receive")
        assert operation["channel"]["$ref"] == f"#/channels/{name}"
    for channel in held["channels"].values():
        for message in channel["messages"].values():
            assert message["$ref"].rpartition("/")[2] in held["components"]["messages"]
    for message in held["components"]["messages"].values():
        assert (PUBLISHED / message["payload"]["schema"]["$ref"]).is_file()
