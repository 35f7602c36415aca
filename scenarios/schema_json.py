"""JSON Schema of a scenario file, for editors that check and complete YAML."""

from __future__ import annotations

from typing import Any

from scenarios.schema.allocation import AllocationRules
from scenarios.schema.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema (draft 2020-12).  A file that extends another needs no key of its own."""
    schema = Scenario.model_json_schema()
    required = schema.pop("required")
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "A scenario file or shipped scenario that this one builds on.",
    }
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cvmax scenario"}


def rules_schema() -> dict[str, Any]:
    """The schema of the rules that ``cvmax allocate`` reads."""
    schema = AllocationRules.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "cvmax allocation rules"}
