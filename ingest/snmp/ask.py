"""The only I/O: net-snmp's snmpbulkwalk, which is given its secret in a file, never in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from kgraph.schema import ConfigurationError, SourceError
from kgraph.secret import secret
from kgraph.sourcekit import run
from kgraph.sourcekit.command import ToolFailedError

SYSTEM, INTERFACES, NAMES = "1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1.1"
LLDP = "1.0.8802.1.1.2.1"
# Only these columns: a table of counters of a large switch takes long.
_WALKED = (
    SYSTEM,
    *(f"{INTERFACES}.{column}" for column in (2, 3, 6, 7, 8)),
    NAMES,
    f"{LLDP}.3",
    f"{LLDP}.4.1",
)
_ROW = re.compile(r"^\.(\d+(?:\.\d+)*) = (?:([A-Za-z-]+\d*): ?)?(.*)$")
_MISSING = ("No Such Object", "No Such Instance", "No more variables")

Values = Mapping[str, bytes | int]  # numeric OID without the leading dot -> value


@dataclass(frozen=True, slots=True)
class Access:
    """How a device is asked: by community, or by a user; where the secret is, and never that."""

    user: str
    secret_env: str
    secret_file: Path | None
    auth_protocol: str
    privacy_protocol: str

    def settings(self) -> str:
        """Return net-snmp's own configuration, secret and all.

        Raises:
            ConfigurationError: the secret is named but not there, or cannot be written there.
        """
        held = secret(self.secret_env, self.secret_file)
        where, word = held or ("", "")
        if not word or not word.isprintable() or '"' in word or "\\" in word:
            mend = 'it must be one line without " and \\'
            raise ConfigurationError("no usable community or pass phrase", where=where, mend=mend)
        if not self.user:
            return f'defVersion 2c\ndefCommunity "{word}"\n'
        return (
            f'defVersion 3\ndefSecurityName "{self.user}"\ndefSecurityLevel authPriv\n'
            f'defAuthType {self.auth_protocol}\ndefAuthPassphrase "{word}"\n'
            f'defPrivType {self.privacy_protocol}\ndefPrivPassphrase "{word}"\n'
        )


def walks(address: str, access: Access, seconds: float) -> Values:
    """Ask for all that is wanted of a device.

    Raises:
        SourceError: snmpbulkwalk is missing or fails, or the device answers nonsense.
        ConfigurationError: the secret is not there.
    """
    found: dict[str, bytes | int] = {}
    with TemporaryDirectory(prefix="kgraph-snmp-") as folder:
        file = Path(folder) / "snmp.conf"
        file.touch(0o600)
        file.write_text(access.settings(), "utf-8")
        environment = {"SNMPCONFPATH": folder, "SNMP_PERSISTENT_DIR": folder, "MIBS": ""}
        for oid in _WALKED:
            text = _walked(address, oid, timedelta(seconds=seconds), environment)
            found |= dict(values(text, f"snmp {address}"))
    return found


def _walked(address: str, oid: str, patience: timedelta, environment: Mapping[str, str]) -> str:
    """Walk a table; of an agent that tells it in no order, all that comes within its time."""
    asked = ["snmpbulkwalk", "-OnUext", "-r", "2", "-t", "2", address, oid]
    try:
        return run(asked, patience, environment)
    except ToolFailedError as error:
        if "not increasing" not in error.said:
            raise
        return run([asked[0], "-Cc", *asked[1:]], patience, environment)


def values(text: str, where: str) -> Iterator[tuple[str, bytes | int]]:
    """Yield OID and value of each row; long texts go over several lines.

    Raises:
        SourceError: a row is none.
    """
    rows: list[str] = []
    for line in text.splitlines():
        if line.startswith(".") or not rows:
            rows.append(line)
        else:
            rows[-1] = f"{rows[-1].rstrip()} {line}"
    for row in rows:
        read = _ROW.match(row)
        if read is None:
            if row.strip() and not row.startswith(_MISSING):
                mend = "is this what snmpbulkwalk prints?"
                raise SourceError(f"{row!r:.60} is no value", where=where, mend=mend)
            continue
        if not read[3].startswith(_MISSING):
            try:
                yield read[1], _value(read[2] or "", read[3].strip())
            except ValueError:  # cut off between two digits, or a number of thousands of them
                what = f"{row!r:.60} is no value"
                raise SourceError(what, where=where, mend="was the answer cut off?") from None


def _value(kind: str, text: str) -> bytes | int:
    if kind == "Hex-STRING":
        return bytes.fromhex(text)
    if text.lstrip("-").isdecimal():
        return int(text)
    return text.strip('"').encode()
