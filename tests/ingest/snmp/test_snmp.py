from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.snmp.ask import Access, values
from ingest.snmp.mibs import device, links
from ingest.snmp.normalise import normalise
from kgraph.schema import ConfigurationError, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import HERE, found, keys, records, relations, well, wrong
from tests.real import PATH, free_port, need, until

_IF, _NAME, _LLDP = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1.1", "1.0.8802.1.1.2.1"


def _hex(text: str | bytes) -> str:
    raw = text.encode() if isinstance(text, str) else text
    rows = [raw[at : at + 16].hex(" ").upper() + " " for at in range(0, len(raw), 16)]
    return "Hex-STRING: " + "\n".join(rows or [""])


def _row(oid: str, value: str | bytes | int) -> str:
    shown = f"INTEGER: {value}" if isinstance(value, int) else _hex(value)
    return f".{oid} = {shown}\n"


def _interface(number: int, name: str, mac: str, *, up: bool, type_: int = 6) -> str:
    told = {2: f"Port {number}", 3: type_, 6: bytes.fromhex(mac), 7: 1, 8: 1 if up else 2}
    rows = [_row(f"{_IF}.{column}.{number}", value) for column, value in told.items()]
    return "".join([*rows, _row(f"{_NAME}.{number}", name)])


def _heard(port: int, chassis: bytes, subtype: int, name: str, can: int, far: str) -> str:
    told = {4: subtype, 5: chassis, 6: 5, 7: far, 8: far, 9: name, 10: "NOS", 12: bytes([can, 0])}
    at = f"{_LLDP}.4.1.1"
    return "".join(_row(f"{at}.{c}.100.{port}.1", value) for c, value in told.items())


MAC = bytes.fromhex("0a52e13e27a5")
WALK = "".join(
    [
        _row("1.3.6.1.2.1.1.1.0", "A switch with a description that needs more than one line"),
        _row("1.3.6.1.2.1.1.5.0", "tor-1"),
        _interface(1, "swp1", "0a52e13e2701", up=True),
        _interface(2, "swp2", "0a52e13e2702", up=False),
        _interface(48, "swp48", "0a52e13e2748", up=True),
        _interface(99, "lo", "", up=True, type_=24),
        _row(f"{_LLDP}.3.1.0", 4),
        _row(f"{_LLDP}.3.2.0", MAC),
        *(
            _row(f"{_LLDP}.3.7.1.{column}.{port}", value)
            for port in (1, 2, 48)
            for column, value in ((2, 5), (3, f"swp{port}"), (4, f"swp{port}"))
        ),
        _heard(1, b"h1-id", 7, "h1", 0x01, "eth0"),
        _heard(48, bytes.fromhex("c0ffee000001"), 4, "core", 0x28, "Ethernet7"),
        f".{_LLDP}.5 = No Such Object available on this agent at this OID\n",
    ]
)


def _items(walk: str = WALK, uplinks: tuple[str, ...] = ("swp48",)) -> list[Told]:
    told = dict(values(walk, "snmp sw"))
    return list(normalise(device(told, "10.0.9.1"), links(told), uplinks, (), HERE))


def test_a_switch_its_ports_and_who_is_plugged_in_are_told() -> None:
    items = _items()
    own = "0a:52:e1:3e:27:a5"
    assert {key: row.kind for key, row in records(items).items()} == {
        f"switch:{own}": "Switch",
        f"port:{own}/ifname:swp1": "SwitchPort",
        f"port:{own}/ifname:swp2": "SwitchPort",
        f"port:{own}/ifname:swp48": "SwitchPort",
        "nic:h1/eth0": "Nic",
        "switch:c0:ff:ee:00:00:01": "Switch",
        "port:c0:ff:ee:00:00:01/ifname:Ethernet7": "SwitchPort",
    }
    assert {
        ("nic:h1/eth0", "CONNECTED_TO", f"port:{own}/ifname:swp1"),
        (f"switch:{own}", "CONNECTED_TO", "port:c0:ff:ee:00:00:01/ifname:Ethernet7"),
    } <= relations(items)


def test_ports_are_named_as_a_host_hears_them_by_lldp() -> None:
    row = records(_items())["port:0a:52:e1:3e:27:a5/ifname:swp1"]
    assert keys(row) == {
        ("chassisPort", "0a:52:e1:3e:27:a5/ifname:swp1"),
        ("name", "tor-1/swp1"),
    }


def test_a_link_is_health_and_none_may_be_a_port_without_cable() -> None:
    items = _items()
    own = "port:0a:52:e1:3e:27:a5/ifname"
    assert wrong(items) == {}
    assert well(items) == {(f"{own}:swp1", "down"), (f"{own}:swp48", "down")}


def test_a_switch_without_lldp_is_known_by_its_address() -> None:
    walk = "".join(row for row in WALK.splitlines(keepends=True) if _LLDP not in row)
    rows = records(_items(walk, ()))
    assert rows["switch:snmp/10.0.9.1"].name == "tor-1"
    assert "port:snmp/10.0.9.1/ifname:swp2" in rows


@pytest.mark.parametrize("type_", [62, 69, 117])
def test_an_older_device_calls_ethernet_by_its_speed(type_: int) -> None:
    more = _interface(3, "g3", "0a52e13e2703", up=True, type_=type_)
    assert ("port:0a:52:e1:3e:27:a5/ifname:g3", "down") in well(_items(WALK + more))


def test_an_interface_that_went_while_its_columns_were_read_is_no_port() -> None:
    gone = _row(f"{_IF}.3.7", 6) + _row(f"{_IF}.6.7", bytes.fromhex("0a52e13e2707"))
    assert records(_items(WALK + gone)) == records(_items())


def test_an_agent_that_tells_its_tables_in_no_order_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walk").write_text(WALK)
    tool = tmp_path / "snmpbulkwalk"
    tool.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *-Cc*) exec cat {tmp_path}/walk ;; esac\n'
        'echo "Error: OID not increasing: .1.3.6.1.2.1.2.2.1.2.9" >&2; exit 1\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SNMP", "public")
    items = list(found("snmp", address="tor-1.example", community_env="SNMP").items)
    assert records(items).keys() == records(_items(uplinks=())).keys()


def test_long_texts_go_over_several_lines() -> None:
    told = dict(values(WALK, "x"))
    text = b"A switch with a description that needs more than one line"
    assert told["1.3.6.1.2.1.1.1.0"] == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Timeout: No Response", "x: 'Timeout: No Response' is no value"),
        (".1.3 = Hex-STRING: 0A 5", "x: '.1.3 = Hex-STRING: 0A 5' is no value; was .* cut off"),
        ("", "it does not tell its name; is this an SNMP agent"),
    ],
)
def test_what_is_no_walk_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        device(dict(values(text, "x")), "10.0.9.1")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "name community_env or community_file, or give a user"),
        ({"user": "lab"}, "a user needs password_env"),
        ({"user": "lab", "password_env": "P", "community_env": "C"}, "name community_env"),
        ({"address": "-Z", "community_env": "C"}, "written host or host:port"),
    ],
)
def test_an_entry_says_how_it_may_be_read(fields: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        found("snmp", **{"address": "sw", **fields})


@pytest.mark.parametrize("word", ["", 'a"b', "two\nlines", "back\\slash"])
def test_a_secret_that_would_break_out_of_its_line_is_refused(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C", word)
    with pytest.raises(ConfigurationError, match="no usable community") as caught:
        Access("", "C", None, "SHA", "AES").settings()
    assert not word or word not in str(caught.value)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    need("snmpd", "snmpbulkwalk")
    port = free_port()
    (tmp_path / "snmpd.conf").write_text(
        f"agentaddress udp:127.0.0.1:{port}\nrocommunity lab-secret 127.0.0.1\nsysName sw-7\n"
        "createUser lab SHA passphrase-1 AES passphrase-1\nrouser lab priv\n"
    )
    command = [
        "snmpd",
        "-f",
        "-Lf",
        str(tmp_path / "log"),
        "-C",
        "-c",
        str(tmp_path / "snmpd.conf"),
    ]
    command += ["-I", "-smux", f"--persistentDir={tmp_path}"]
    with (tmp_path / "out").open("wb") as out:
        daemon = subprocess.Popen(command, stdout=out, stderr=out, env={"PATH": PATH})
    try:
        yield f"127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.wait(10)


@pytest.mark.sources
@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"community_env": "S"}, "lab-secret"),
        ({"user": "lab", "password_env": "S"}, "passphrase-1"),
    ],
)
def test_a_real_agent_is_read_by_version_2c_and_3(
    agent: str, fields: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", word)

    def read() -> dict[str, str]:
        try:
            items = found("snmp", address=agent, **fields).items
        except SourceError:  # it is still coming up
            return {}
        return {row.name: row.kind for row in records(items).values()}

    rows = until("the agent", read)
    assert rows["sw-7"] == "Switch"


@pytest.mark.sources
def test_a_real_agent_that_refuses_is_one_line_without_the_secret(
    agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", "wr0ng")
    with pytest.raises(SourceError, match=r"snmpbulkwalk.*Timeout") as caught:
        found("snmp", address=agent, community_env="S")
    assert "wr0ng" not in str(caught.value)
