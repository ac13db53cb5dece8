"""Real traps, by net-snmp's own tools, from the sender to the port that they speak of."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.detect.logs import Patterns, text_lines
from kgraph.schema import Entity, Key, Relation, Subgraph
from kgraph.signals import EstateIndex, load_packs, translate_reports
from tests.real import PATH, free_port, need, until

pytestmark = pytest.mark.sources

_PAGE = Path(__file__).parents[3] / "docs" / "topology-sources.md"
_USER, _AUTH, _PRIV = "kgraph", "authentic-enough", "private-enough"
_CONFIG = f"""\
authCommunity log public
createUser {_USER} SHA {_AUTH} AES {_PRIV}
authUser log {_USER} priv
"""
_V2C = ["-v2c", "-c", "public"]
_V3 = [
    *("-v3", "-l", "authPriv", "-u", _USER, "-a", "SHA", "-A", _AUTH, "-x", "AES", "-X", _PRIV),
    "-Ci",  # an inform: it is acknowledged, and proves who receives it
]
_DOWN, _UP = ".1.3.6.1.6.3.1.1.5.3", ".1.3.6.1.6.3.1.1.5.4"
_DESCRIBED, _NAMED = ".1.3.6.1.2.1.2.2.1.2.7", ".1.3.6.1.2.1.31.1.1.1.1.7"
_INDEX = EstateIndex.of(
    Subgraph(
        (
            Entity("sw", "Switch", "localhost", (Key("name", "localhost"),)),
            Entity("p7", "SwitchPort", "localhost/swp7", (Key("name", "localhost/swp7"),)),
            Entity("p8", "SwitchPort", "localhost/swp8", (Key("name", "localhost/swp8"),)),
        ),
        (Relation("p7", "CONNECTED_TO", "sw"), Relation("p8", "CONNECTED_TO", "sw")),
    )
)


@dataclass(frozen=True, slots=True)
class Traps:
    port: int
    log: Path

    def send(self, trap: str, name: str, how: list[str], column: str = _DESCRIBED) -> None:
        words = ["snmptrap", *how, f"udp:127.0.0.1:{self.port}", "", trap, column, "s", name]
        subprocess.run(words, check=True, capture_output=True, env={"PATH": PATH}, timeout=20)

    def seen(self) -> list[tuple[str, str, bool]]:
        now = datetime.now(UTC)
        packs = load_packs(())
        read = text_lines(self.log.read_bytes().splitlines(), now)
        reports = Patterns.of(packs).reports(read.lines, "detect/log_line/traps", now)
        found = translate_reports(reports, _INDEX, packs, received_at=now).observations
        return [(o.entity, o.signal, o.abnormal) for o in found]


def _format() -> str:
    """Return the form of lines that the page tells people to use."""
    found = re.search(r"^snmptrapd .* -F '(.*)'$", _PAGE.read_text("utf-8"), re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Traps]:
    need("snmptrapd", "snmptrap")
    port, log, config = free_port(), tmp_path / "traps", tmp_path / "snmptrapd.conf"
    config.write_text(_CONFIG)
    env = {"PATH": PATH, "SNMP_PERSISTENT_DIR": str(tmp_path / "kept"), "TZ": "Asia/Tokyo"}
    words = ["snmptrapd", "-f", "-On", "-C", "-c", str(config), "-Lf", str(log), "-F", _format()]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [*words, f"udp:127.0.0.1:{port}"], stdout=said, stderr=said, env=env
        )
    try:
        # It says that it is there before it listens, and nobody sends a trap twice.
        until("snmptrapd", lambda: f":{port:04X} " in Path("/proc/net/udp").read_text())
        yield Traps(port, log)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("how", [_V2C, _V3], ids=["v2c", "v3 inform"])
def test_a_link_that_goes_down_is_that_port_and_its_return_ends_it(
    traps: Traps, how: list[str]
) -> None:
    traps.send(_DOWN, "swp7", how)
    until("the trap", lambda: ("p7", "down", True) in traps.seen())
    traps.send(_DOWN, "swp8", how, _NAMED)
    until("the other trap", lambda: ("p8", "down", True) in traps.seen())
    traps.send(_UP, "swp7", how)
    until("the end of it", lambda: ("p7", "down", False) in traps.seen())
    assert ("p8", "down", True) in traps.seen()


def test_a_trap_with_the_wrong_community_is_not_taken(traps: Traps) -> None:
    traps.send(_DOWN, "swp7", ["-v2c", "-c", "guessed"])
    traps.send(_DOWN, "swp8", _V2C)
    until("the one that may", lambda: traps.seen() == [("p8", "down", True)])
