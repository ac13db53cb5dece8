from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from ingest.haproxy.config import routes
from ingest.haproxy.normalise import Place, normalise
from ingest.haproxy.stat import rows
from kgraph.schema import RelationRecord, SourceError
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import HERE, aliases, found, records, relations, well, written, wrong

STAT = """\
# pxname,svname,status,bck,check_status,check_code,addr,last_chk,
shop,FRONTEND,OPEN,,,,,,
web,web1,UP,0,L7OK,200,10.0.0.11:8001,,
web,web2,DOWN 1/2,0,L4CON,,10.0.0.12:8001,Connection refused,
web,web3,MAINT,0,,,10.0.0.13:8001,,
web,web4,no check,1,,,127.0.0.1:8001,,
web,BACKEND,UP,,,,,,
api,api1,DOWN,0,* L7STS,503,[2001:db8::3]:80,"a ""503"" came",
api,BACKEND,DOWN,,,,,,
old,old1,MAINT,0,,,10.0.0.14:80,,
old,BACKEND,DOWN,,,,,,
stats,FRONTEND,OPEN,,,,,,
stats,BACKEND,UP,,,,,,
"""
CONFIG = """\
global
  stats socket /run/s
frontend shop
  bind :80
  acl api path_beg /api   # use_backend not-this-one
  use_backend api if api
  use_backend %[req.hdr(host)] if other
  default_backend web
backend web
  server web1 10.0.0.11:8001
listen stats
  stats enable
"""
PLACE = Place("edge", "lb1", "/run/s")


def _items(text: str = STAT, config: str = CONFIG) -> list[Told]:
    return list(normalise(rows(text, "s"), PLACE, routes(config, "haproxy.cfg"), HERE))


def test_an_address_that_is_bound_is_no_server_of_a_back_end() -> None:
    text = (
        "# pxname,svname,status,type,\n"
        "in,FRONTEND,OPEN,0,\nin,sock-1,OPEN,3,\nin,web1,UP,2,\nin,BACKEND,UP,1,\n"
    )
    servers = {key for key in records(_items(text)) if key.startswith("server:")}
    assert servers == {"server:/run/s/in/web1"}


def test_a_back_end_is_a_service_that_one_of_its_servers_keeps_up() -> None:
    items = _items()
    kinds = {key: row.kind for key, row in records(items).items()}
    assert kinds["backend:/run/s/web"] == "Service"
    assert kinds["server:/run/s/web/web1"] == "ServiceInstance"
    ties = [i for i in items if isinstance(i, RelationRecord) and i.type == "RUNS_ON"]
    of_api = [t for t in ties if t.dependent == "backend:/run/s/api"]
    assert [(t.dependency, t.group, t.need) for t in of_api] == [
        ("server:/run/s/api/api1", "servers", 1)
    ]


def test_front_ends_lead_where_the_configuration_says() -> None:
    calls = {r for r in relations(_items()) if r[1] == "CALLS"}
    assert calls == {
        ("frontend:/run/s/shop", "CALLS", "backend:/run/s/api"),
        ("frontend:/run/s/shop", "CALLS", "backend:/run/s/web"),
        ("frontend:/run/s/stats", "CALLS", "backend:/run/s/stats"),
    }
    (finding,) = routes(CONFIG, "haproxy.cfg").findings
    assert finding.startswith("haproxy.cfg:7: shop chooses its back end at run time")


def test_a_front_end_that_names_no_usual_back_end_has_that_of_its_defaults() -> None:
    text = """\
frontend early
  use_backend api if { path /api }
defaults
  default_backend web
frontend shop
  use_backend api if { path /api }
frontend own
  default_backend own
listen both
  server s1 10.0.0.1:80
defaults other
  default_backend rest
defaults
frontend none
frontend named from other
defaults third from other
frontend inherited
defaults from other
  mode http
frontend unnamed
"""
    assert routes(text, "haproxy.cfg").by_front == {
        "early": ("api",),
        "shop": ("api", "web"),
        "own": ("own",),
        "both": ("web",),
        "none": (),
        "named": ("rest",),
        "inherited": ("rest",),
        "unnamed": ("rest",),
    }


def test_a_server_runs_on_whoever_answers_to_its_address_then_name() -> None:
    assert {(a, names) for a, _, names in aliases(_items())} == {
        ("lb:/run/s", ("lb1",)),
        ("server:/run/s/web/web1", ("10.0.0.11", "web1")),
        ("server:/run/s/web/web2", ("10.0.0.12", "web2")),
        ("server:/run/s/web/web3", ("10.0.0.13", "web3")),
        ("server:/run/s/web/web4", ("lb1",)),
        ("server:/run/s/api/api1", ("2001:db8::3", "api1")),
        ("server:/run/s/old/old1", ("10.0.0.14", "old1")),
    }


def test_what_a_check_saw_is_told_and_who_was_taken_out_is_no_fault() -> None:
    items = _items()
    assert wrong(items) == {
        ("server:/run/s/web/web2", "down"): "HAProxy's check: L4CON Connection refused",
        ("server:/run/s/api/api1", "down"): 'HAProxy\'s check: L7STS/503 a "503" came',
        ("backend:/run/s/api", "down"): "HAProxy has no server left for it",
    }
    assert well(items) == {
        ("lb:/run/s", "down"),
        ("server:/run/s/web/web1", "down"),
        ("backend:/run/s/web", "down"),
    }


def test_a_name_that_does_not_resolve_is_told() -> None:
    text = STAT.replace("web1,UP", "web1,MAINT (resolution)")
    assert wrong(_items(text))["server:/run/s/web/web1", "down"] == "its name does not resolve"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no column pxname in ''"),
        ("<html><body>Denied</body></html>", "no column pxname in '<html>"),
        (STAT[: STAT.index("web,web2") + 8], r"s: line 4: cut off"),
        ('# pxname,svname,status\nweb,web1,"UP\n', r"s: line 1: not CSV"),
    ],
)
def test_what_is_no_statistics_or_cut_off_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        rows(text, "s")


def test_an_answer_that_breaks_off_between_two_rows_is_refused(tmp_path: Path) -> None:
    path, whole = str(tmp_path / "s"), STAT + "\n"
    cut = "\n".join(STAT.splitlines()[:4]) + "\n"
    answers = ["node: lb1\n\n", whole, "node: lb1\n\n", cut]
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()

        def serve() -> None:
            for answer in answers:
                line, _ = door.accept()
                with line:
                    line.recv(100)
                    line.sendall(answer.encode())

        threading.Thread(target=serve, daemon=True).start()
        assert "server:" + path + "/web/web1" in records(found("haproxy", socket=path).items)
        with pytest.raises(SourceError, match="the answer to show stat was cut off"):
            found("haproxy", socket=path)


def test_a_host_name_that_is_none_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"a\.\.b:9999: HAProxy can't be reached"):
        found("haproxy", socket="a..b:9999")


def test_nobody_at_the_socket_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"HAProxy can't be reached: No such file.*stats socket"):
        found("haproxy", socket=str(tmp_path / "s"))
    with pytest.raises(SourceError, match="HAProxy can't be reached"):
        found("haproxy", socket="127.0.0.1:1")
    with pytest.raises(SourceError, match="'x' is no port; write host:port"):
        found("haproxy", socket="lb1:x")


@pytest.mark.parametrize("fields", [{}, {"socket": "/s", "url": "http://lb/stats"}])
def test_one_way_to_ask_is_needed_and_no_more(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give either socket or url"):
        found("haproxy", **fields)


def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    written(tmp_path, "x", "")
    with pytest.raises(SourceError, match="can't be reached"):
        found("haproxy", socket=str(tmp_path / "x"), config=tmp_path / "y")
