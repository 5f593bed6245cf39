"""Every contract as JSON Schema, and the topics as AsyncAPI, for teams that write or read them.

The files in ``schemas/json/`` are these, written by ``recount sources schemas --out schemas/json``; a
test holds the two together.
"""

import json
from typing import Any

from pydantic import BaseModel

from schemas.alerts import DeadLetterTold, RecordingAlert
from schemas.crimes import CrimeRecord
from schemas.feeds import Heartbeat
from schemas.reports import IncidentLog, Referral

CONTRACTS: dict[str, type[BaseModel]] = {
    "incident-log": IncidentLog,
    "crime-record": CrimeRecord,
    "public-protection-referral": Referral,
    "heartbeat": Heartbeat,
}
"""Contract by the name of its topic; a heartbeat may come on any."""


SENT: dict[str, type[BaseModel]] = {
    "recording-alerts": RecordingAlert,
    "recount-dead-letters": DeadLetterTold,
}
"""What Recount sends, by the name of its topic."""

ASYNCAPI = "asyncapi.json"
BY_FORCE = "The force's code, placed by Kafka's own partitioner (murmur2)"


def documents() -> dict[str, str]:
    """File name to document, as its bytes are committed: a JSON Schema each, and AsyncAPI."""
    found = {f"{name}.json": _written(name, model) for name, model in (CONTRACTS | SENT).items()}
    return {**found, ASYNCAPI: _json(_asyncapi())}


def _written(name: str, model: type[BaseModel]) -> str:
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:recount:{name}:{_version(model)}",
        **model.model_json_schema(mode="validation"),
    }
    return _json(schema)


def _version(model: type[BaseModel]) -> int:
    """Version of a contract; what is sent has one only."""
    held = model.model_fields.get("schema_version")
    return 1 if held is None else int(held.default)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _asyncapi() -> dict[str, Any]:
    """The topics: who sends what on which, by which key."""
    inputs = [name for name in CONTRACTS if name != "heartbeat"]
    channels = {name: _channel(name, (name, "heartbeat"), BY_FORCE) for name in inputs}
    channels["recording-alerts"] = _channel("recording-alerts", ("recording-alerts",), BY_FORCE)
    channels["recount-dead-letters"] = _channel(
        "recount-dead-letters", ("recount-dead-letters",), "Topic and partition it was read from"
    )
    messages = {
        name: {
            "name": name,
            "contentType": "application/cloudevents+json"
            if model is RecordingAlert
            else "application/json",
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"./{name}.json"},
            },
        }
        for name, model in (CONTRACTS | SENT).items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Recount on Kafka",
            "version": "1",
            "description": "Reports and records in, alerts out. Names of topics are settings; these "
            "are the defaults.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            name: {
                "action": "receive" if name in CONTRACTS else "send",
                "channel": {"$ref": f"#/channels/{name}"},
            }
            for name in channels
        },
        "components": {"messages": messages},
    }


def _channel(name: str, messages: tuple[str, ...], key: str) -> dict[str, Any]:
    return {
        "address": name,
        "description": f"Key: {key}.",
        "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
        "bindings": {"kafka": {"topic": name, "bindingVersion": "0.5.0"}},
    }
