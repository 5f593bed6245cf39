"""Every contract as JSON Schema, for teams that write them in another language.

The files in ``schemas/json/`` are these, written by ``recount sources schemas --out schemas/json``; a
test holds the two together.
"""

import json
from typing import Any

from pydantic import BaseModel

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


def documents() -> dict[str, str]:
    """File name to JSON Schema, as its bytes are committed."""
    return {f"{name}.json": _written(name, model) for name, model in CONTRACTS.items()}


def _written(name: str, model: type[BaseModel]) -> str:
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:recount:{name}:{model.model_fields['schema_version'].default}",
        **model.model_json_schema(mode="validation"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
