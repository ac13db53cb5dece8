"""What a management controller tells: the system, its power supplies, fans, and their health.

    Redfish (the only I/O) -> resources -> Host, Bmc, PowerFeed and what the controller sees

Source: DMTF DSP0266 and DSP0268, https://redfish.dmtf.org/
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ingest.redfish.fetch import fetch
from ingest.redfish.normalise import normalise
from kgraph.sourcekit import Found, Here, Source, SourceEntry, Url, folded
from kgraph.web import Credentials

NAME = "redfish"


class Entry(SourceEntry):
    """One management controller."""

    type: Literal["redfish"]
    url: Url
    user: str = ""
    password_env: str = ""  # the variable that holds the password
    password_file: Path | None = None  # or the file that does
    ca_file: Path | None = None  # most controllers sign their own certificate
    host: str = ""  # the machine's host name, where the controller does not know it

    @property
    def subject(self) -> str:
        """Its address."""
        return self.url


def read(entry: Entry, here: Here) -> Found:
    """Read one controller.

    Raises:
        SourceError: it does not answer, refuses, or answers nonsense.
    """
    secret = here.given(entry.password_file)
    ca_file = here.given(entry.ca_file)
    credentials = Credentials(entry.password_env, secret, user=entry.user)
    told = fetch(entry.url, credentials, ca_file)
    items = folded(normalise(told, entry.url, entry.host, here))
    return Found(entry.url, items, complete=not told.missing, findings=told.missing)


SOURCE = Source(NAME, Entry, read)
