"""What all documents of the API have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel


def example(**fields: JsonValue) -> ConfigDict:
    """Return what makes OpenAPI show what a body looks like."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Form(BaseModel):
    """A document; its fields are spelled as JSON has them: `openedAt`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
