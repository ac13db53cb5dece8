"""Each check against real servers: what is refused, silent, wrong and well are told apart."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.rcode
import pytest

from ingest.detect.checks import (
    Budget,
    Result,
    Target,
    look_at_all,
    parse_target,
    ping,
    targets_of,
)
from ingest.detect.checks.tls import judged
from kgraph.schema import Entity, InputError, Key, State
from tests.ingest.detect.checks.servers import (
    certificate,
    dripping,
    greeting,
    listening,
    name_server,
    resetting,
    saying,
    secured,
    silent,
)
from tests.real import free_port

PATIENT = Budget(patience=timedelta(seconds=20), total=timedelta(seconds=60))
QUICK = Budget(patience=timedelta(seconds=0.4), total=timedelta(seconds=20))  # nothing comes
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SICK = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def _looked(target: Target, budget: Budget = PATIENT) -> Result:
    (found,) = look_at_all([target], budget)
    return found


def _said(check: str, address: str, budget: Budget = PATIENT) -> dict[str, str]:
    # Where much else runs, this machine itself is slower than anything should be.
    target = replace(parse_target(check, "e", address), slow_seconds=60.0)
    return {seen.signal: seen.state.value for seen in _looked(target, budget).seen}


def test_tcp_tells_a_listener_a_refusal_and_nothing_of_an_unknown_name() -> None:
    with listening(silent) as port:
        assert _said("tcp", f"127.0.0.1:{port}") == {"down": "healthy", "unreachable": "healthy"}
    closed = _said("tcp", f"127.0.0.1:{free_port()}")
    assert closed == {"down": "abnormal", "unreachable": "healthy"}
    assert _said("tcp", "no-such-host.invalid:80") == {}


def test_a_full_queue_of_connections_is_unreachable_in_time() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for line in waiting:
            line.setblocking(False)  # noqa: FBT003 - its own name
            line.connect_ex(("127.0.0.1", port))
        assert _said("tcp", f"127.0.0.1:{port}", QUICK) == {"unreachable": "abnormal"}
        for line in waiting:
            line.close()


@pytest.mark.parametrize(
    ("banner", "signals"),
    [
        (b"SSH-2.0-test\r\n", {"unreachable": "healthy", "hung": "healthy", "down": "healthy"}),
        (b"220 ftp\r\n", {"unreachable": "healthy", "anomaly": "abnormal"}),
        (b"", {"unreachable": "healthy", "anomaly": "abnormal"}),
    ],
)
def test_ssh_reads_the_greeting(banner: bytes, signals: dict[str, str]) -> None:
    with listening(greeting(banner)) as port:
        assert _said("ssh", f"127.0.0.1:{port}") == signals


def test_a_machine_that_takes_the_connection_and_never_greets_is_hung() -> None:
    with listening(silent) as port:
        said = _said("ssh", f"127.0.0.1:{port}", QUICK)
        assert said == {"hung": "abnormal", "unreachable": "healthy"}
    assert _said("ssh", f"127.0.0.1:{free_port()}") == {"unreachable": "healthy"}


def test_http_tells_answers_server_errors_silence_resets_and_refusals_apart() -> None:
    well = {"errors": "healthy", "down": "healthy", "unreachable": "healthy"}
    with listening(saying(OK)) as port:
        assert _said("http", f"http://127.0.0.1:{port}/x?y=1") == well
    with listening(saying(SICK)) as port:
        assert _said("http", f"http://127.0.0.1:{port}") == well | {"errors": "abnormal"}
        shown = _looked(parse_target("http", "e", f"http://127.0.0.1:{port}/x?key=hunter2"))
        assert "hunter2" not in str([seen.detail for seen in shown.seen])
    nonsense = saying(b"\x00\xff nonsense\r\n\r\n")
    for talk in (resetting, nonsense):
        with listening(talk) as port:
            assert _said("http", f"http://127.0.0.1:{port}/")["errors"] == "abnormal"
    with listening(silent) as port:
        said: dict[str, str] = {}
        budget = QUICK  # in which a busy machine may not even have been connected
        while said.get("unreachable") != "healthy" and budget.patience < timedelta(minutes=1):
            said = _said("http", f"http://127.0.0.1:{port}/", budget)
            budget = replace(budget, patience=2 * budget.patience)
            if not said:  # while a look hangs there is no other one
                time.sleep(budget.patience.total_seconds())
    assert said == {"errors": "abnormal", "unreachable": "healthy"}
    assert _said("http", f"http://127.0.0.1:{free_port()}/")["down"] == "abnormal"


@pytest.mark.parametrize(("check", "address"), [("tcp", ""), ("http", "http://")])
def test_an_answer_that_comes_late_is_told_as_slow_and_all_else_as_well(
    check: str, address: str
) -> None:
    with listening(saying(OK)) as port:
        target = parse_target(check, "e", f"{address}127.0.0.1:{port}")
        seen = _looked(replace(target, slow_seconds=1e-9)).seen
    assert [each.signal for each in seen if each.state is State.ABNORMAL] == ["latency"]
    assert len(seen) > 1


def test_an_answer_that_drips_for_ever_is_given_up_on() -> None:
    with listening(dripping) as port:
        begin = time.monotonic()
        result = _looked(parse_target("http", "e", f"http://127.0.0.1:{port}/"), QUICK)
        assert time.monotonic() - begin < 20
    assert result.seen == ()
    assert "no end within 0.4 s" in result.failure


def test_tls_tells_a_good_an_expired_a_foreign_and_a_soon_ending_certificate(
    tmp_path: Path,
) -> None:
    def said(pem: Path, trusted: str) -> dict[str, str]:
        with secured(pem, silent) as port:
            target = parse_target("tls", "e", f"127.0.0.1:{port}")
            result = _looked(replace(target, ca_file=trusted))
        return {seen.signal: seen.state.value for seen in result.seen}

    well = {"errors": "healthy", "down": "healthy", "unreachable": "healthy"}
    good = certificate(tmp_path, timedelta(days=90))
    assert said(good, str(good)) == well
    assert said(good, "")["errors"] == "abnormal"
    old = certificate(tmp_path, timedelta(days=-1))
    assert said(old, str(old))["errors"] == "abnormal"
    other = certificate(tmp_path, timedelta(days=90), "other.example")
    assert said(other, str(other))["errors"] == "abnormal"
    soon = certificate(tmp_path, timedelta(days=3))
    assert said(soon, str(soon)) == well | {"anomaly": "abnormal"}
    with listening(saying(b"not TLS at all\r\n")) as port:
        assert _said("tls", f"127.0.0.1:{port}")["errors"] == "abnormal"


def test_a_certificate_is_the_louder_the_sooner_it_ends() -> None:
    target = Target("tls", "e", "h", 443)
    now = datetime(2027, 1, 1, tzinfo=UTC)
    far = judged(target, "Jan  5 00:00:00 2028 GMT", now)
    near = judged(target, "Jan 12 00:00:00 2027 GMT", now)
    nearer = judged(target, "Jan  2 00:00:00 2027 GMT", now)
    assert all(not seen.due for seen in far)
    assert near[-1].due == datetime(2027, 1, 12, tzinfo=UTC)
    assert (near[-1].score or 0) < (nearer[-1].score or 0)


def test_a_name_server_that_answers_fails_or_is_silent() -> None:
    well = {"errors": "healthy", "down": "healthy", "unreachable": "healthy"}
    with name_server(dns.rcode.NOERROR) as port:
        assert _said("dns", f"127.0.0.1:{port}/shop.example") == well
    for code in (dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN):
        with name_server(code) as port:
            said = _said("dns", f"127.0.0.1:{port}/shop.example")
            assert said == well | {"errors": "abnormal"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        said = _said("dns", f"127.0.0.1:{port}/x.example", QUICK)
        assert said == {"unreachable": "abnormal"}


class _Ending:
    """Time that is over once it has been asked for so often."""

    def __init__(self, questions: int) -> None:
        self._left = questions

    def seconds(self) -> float:
        self._left -= 1
        if self._left < 0:
            raise TimeoutError
        return 1.0


@pytest.mark.parametrize(
    ("questions", "signals"), [(0, {"unreachable": "abnormal"}), (1, {"unreachable": "healthy"})]
)
def test_a_machine_that_answered_before_the_time_was_over_is_there(
    monkeypatch: pytest.MonkeyPatch, questions: int, signals: dict[str, str]
) -> None:
    monkeypatch.setattr(ping, "Left", lambda _patience: _Ending(questions))
    monkeypatch.setattr(ping, "_opened", lambda _family: closing(io.BytesIO()))
    monkeypatch.setattr(ping, "_asked", lambda *_: 0.3)
    seen = ping.look(parse_target("ping", "e", "127.0.0.1"), timedelta(seconds=1))
    assert {each.signal: each.state.value for each in seen} == signals


def test_ping_reaches_this_machine_and_tells_what_nobody_answers_from() -> None:
    result = _looked(parse_target("ping", "e", "127.0.0.1"))
    if result.failure:  # neither root nor let in by the kernel
        assert "ping_group_range" in result.failure
        return
    assert [seen.signal for seen in result.seen] == ["unreachable"]
    assert "answers 3 of 3" in result.seen[0].detail
    assert _said("ping", "no-such-host.invalid") == {}


def test_a_disk_is_read_and_one_that_cannot_be_is_no_evidence(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(os.urandom(1 << 20))
    assert _said("disk", str(disk)) == {
        "hung": "healthy",
        "errors": "healthy",
        "latency": "healthy",
    }
    target = replace(parse_target("disk", "e", str(disk)), slow_seconds=1e-9)
    assert [s.signal for s in _looked(target).seen if s.state.value == "abnormal"] == ["latency"]
    for path in (tmp_path / "none", tmp_path):
        result = _looked(parse_target("disk", "e", str(path)))
        assert (result.seen, bool(result.failure)) == ((), True)


def test_a_look_that_hangs_holds_up_no_other_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hangs(_target: Target, _patience: timedelta) -> tuple[()]:
        release.wait(60)
        return ()

    monkeypatch.setattr("ingest.detect.checks.disk.look", hangs)
    disk = Target("disk", "e", path="/dev/none")
    budget = replace(QUICK, patience=timedelta(seconds=2))  # the others are well
    with listening(silent) as port:
        others = [Target("tcp", f"e{n}", "127.0.0.1", port) for n in range(20)]
        results = look_at_all([disk, *others], budget)
    assert [seen.signal for seen in results[0].seen] == ["hung"]
    assert all(result.seen for result in results[1:])
    again = _looked(disk, budget)
    assert "its last look still hangs" in again.seen[0].detail
    release.set()


def test_what_is_beyond_the_budget_is_left_out_and_told() -> None:
    with listening(silent) as port:
        targets = [Target("tcp", f"e{n}", "127.0.0.1", port) for n in range(5)]
        results = look_at_all(targets, replace(PATIENT, most=3))
    assert [bool(result.seen) for result in results] == [True, True, True, False, False]
    assert "3 looks are the budget" in results[-1].failure


def test_of_an_exporter_it_is_asked_whether_it_takes_connections() -> None:
    scraped = {"scrapeAddress": "https://[fd00::7]:9115/probe"}
    exporter = Entity("p", "Probe", "blackbox exporter h1:9115", props=scraped)
    assert [(target.check, target.address) for target in targets_of(exporter)] == [
        ("tcp", "[fd00::7]:9115")
    ]
    for scraped, looks in (
        ("https://shop.example/metrics", ["shop.example:443"]),  # a server may leave out the port
        ("http://[fd00::7]/metrics", ["[fd00::7]:80"]),
        ("http://127.0.0.1:9100/", []),
    ):
        found = targets_of(replace(exporter, props={"scrapeAddress": scraped}))
        assert [(target.check, target.address) for target in found] == [("tcp", x) for x in looks]
    assert targets_of(replace(exporter, props={"scrapeAddress": "unix"})) == []


def test_targets_come_from_what_the_graph_knows_and_never_from_loopback() -> None:
    def looks(entity: Entity) -> list[tuple[str, str]]:
        return [(target.check, target.address) for target in targets_of(entity)]

    host = Entity("h", "Host", "h1.dc1", (Key("ip", "10.0.0.1"), Key("hostname", "h1.dc1")))
    assert looks(host) == [("ping", "10.0.0.1"), ("ssh", "10.0.0.1:22")]
    assert looks(Entity("v", "VirtualMachine", "web-1")) == []
    feed = Entity("f", "PowerFeed", "UPS 1 (cellar)")
    assert looks(feed) == [], "nobody has a host of such a name"
    assert looks(replace(feed, name="ups-1")) == [("ping", "ups-1")]
    assert looks(replace(feed, labels={"address": "10.0.0.9"})) == [("ping", "10.0.0.9")]
    assert looks(replace(feed, props={"url": "https://ups1.dc1/"})) == [("ping", "ups1.dc1")]
    assert looks(replace(feed, labels={"address": "12 Main Street"})) == []
    shop = Entity("s", "Service", "shop", props={"url": "https://shop.example/health"})
    assert looks(shop) == [
        ("http", "https://shop.example:443/health"),
        ("tls", "shop.example:443"),
    ]
    export = Entity("x", "StorageExport", "nbd://10.0.0.2:10809/vmstore")
    assert looks(export) == [("tcp", "10.0.0.2:10809")]
    assert looks(Entity("l", "Endpoint", "localhost:80")) == []
    assert looks(Entity("l", "Endpoint", "127.0.0.9:80")) == []
    # Nor from what a machine is called that was given no name: it is ours as well.
    assert looks(Entity("l", "Endpoint", "localhost.localdomain:80")) == []
    assert looks(Entity("l", "Host", "localhost.localdomain")) == []
    # A machine whose name only begins like that is one.
    assert looks(Entity("m", "Endpoint", "localhost-7.dc1:80")) == [("tcp", "localhost-7.dc1:80")]
    assert looks(Entity("n", "Service", "shop")) == []


@pytest.mark.parametrize(
    ("check", "address"),
    [
        ("nope", "h"),
        ("tcp", "h"),
        ("tcp", "h:99999"),
        ("http", "ftp://h/"),
        ("http", "https://ada:secret@h/"),
        ("dns", "h:53"),
        ("disk", "etc/passwd"),
    ],
)
def test_an_address_that_a_check_cannot_use_is_refused_in_one_line(
    check: str, address: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_target(check, "e", address)
    assert "secret" not in str(caught.value)
