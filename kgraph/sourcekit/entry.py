"""What every `[[sources]]` entry of the configuration has."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class SourceEntry(BaseModel):
    """One configured source; each type adds its own fields and a literal `type`."""

    # Built when the first entry of the type is read: of thirty types a site has a few.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    type: str
    name: str = ""
    site: str = ""  # empty: the configuration's own
    # Seconds between two readings by `kgraph watch`; empty: what suits the type of source.
    every: Annotated[float, Field(gt=0, le=86_400)] | None = None

    # Whom to believe where sources differ about a name or a property: the higher.
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    # Seconds that `kgraph sync` waits for an answer.
    deadline: Annotated[float, Field(gt=0, le=3600)] = 60

    @property
    def title(self) -> str:
        """What to call the source in messages."""
        return self.name or self.type

    @property
    def subject(self) -> str:
        """What is read, such as an address: it tells two entries of one type apart."""
        return self.name
