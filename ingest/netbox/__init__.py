"""What NetBox documents: sites, racks, power, devices, cables, and guests.

    REST API, page by page (the only I/O) -> objects -> records

Source: https://netboxlabs.com/docs/netbox/integrations/rest-api/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from ingest.netbox.fetch import fetch
from ingest.netbox.normalise import Way, normalise
from kgraph.schema import KINDS, suggest_kind
from kgraph.sourcekit import Found, Here, Source, SourceEntry, Url, folded
from kgraph.web import Credentials

NAME = "netbox"


class Entry(SourceEntry):
    """One NetBox."""

    type: Literal["netbox"]
    url: Url
    token_env: str = ""
    token_file: Path | None = None
    scheme: Literal["Token", "Bearer"] = "Token"  # what its tokens are called: Bearer since 4.5
    ca_file: Path | None = None
    kinds: Mapping[
        str, str
    ] = {}  # slug of a device role -> kind, where the name of the role misleads

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: Mapping[str, str]) -> Mapping[str, str]:
        for kind in kinds.values():
            if kind not in KINDS:
                raise ValueError(f"unknown kind {kind!r}; {suggest_kind(kind)}")
        return kinds

    @property
    def subject(self) -> str:
        """Its address."""
        return self.url


def read(entry: Entry, here: Here) -> Found:
    """Read one NetBox.

    Raises:
        SourceError: it does not answer, refuses, or answers nonsense.
    """
    token = here.given(entry.token_file)
    ca_file = here.given(entry.ca_file)
    told = fetch(entry.url, Credentials(entry.token_env, token, entry.scheme), ca_file)
    items = folded(normalise(told, Way(entry.url, entry.kinds), here))
    return Found(entry.url, items, complete=not told.findings, findings=told.findings)


SOURCE = Source(NAME, Entry, read, every=timedelta(minutes=10))
