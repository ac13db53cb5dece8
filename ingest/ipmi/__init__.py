"""What a management controller tells by IPMI: power, supplies, fans and temperatures.

    ipmitool (the only I/O) -> lines -> Host, Bmc, PowerFeed and what the controller sees

For machines whose controller speaks no Redfish. Source: ipmitool(1); IPMI 2.0, table 43-13.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ingest.ipmi.lines import chassis, sensors
from ingest.ipmi.normalise import Place, normalise
from kgraph.secret import secret
from kgraph.sourcekit import Found, Here, Source, SourceEntry, folded, run

NAME = "ipmi"


class Entry(SourceEntry):
    """One controller: over the network by its address, or from its machine, reached by `via`."""

    type: Literal["ipmi"]
    host: str = Field(min_length=1)  # the machine's host name: no controller knows it
    address: str = ""
    user: str = ""
    password_env: str = ""  # the variable that holds the password
    password_file: Path | None = None  # or the file that does
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]

    @model_validator(mode="after")
    def _one_way(self) -> Entry:
        if self.address and self.via:
            raise ValueError("give either address or via")
        return self

    @property
    def subject(self) -> str:
        """Its address, or how its machine is reached."""
        return self.address or " ".join(self.via) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one controller.

    Raises:
        SourceError: ipmitool is missing, the controller does not answer, or answers nonsense.
        ConfigurationError: the password is named but not there.
    """
    where = f"ipmi {entry.subject}"
    power = chassis(_asked(entry, here, "chassis", "status"), where)
    read_out = sensors(_asked(entry, here, "sdr", "elist", "all"), where)
    place = Place(entry.host, entry.address)
    return Found(entry.subject, folded(normalise(power, read_out, place, here)))


def _asked(entry: Entry, here: Here, *words: str) -> str:
    if not entry.address:
        return run(["ipmitool", *words], via=entry.via)
    file = here.given(entry.password_file)
    held = secret(entry.password_env, file)
    # -E: the password is read from the environment, where no list of processes shows it.
    way = ["-I", "lanplus", "-H", entry.address, *(["-U", entry.user] if entry.user else []), "-E"]
    environment = {"IPMI_PASSWORD": held[1] if held else ""}
    return run(["ipmitool", *way, *words], more=environment)


SOURCE = Source(NAME, Entry, read)
