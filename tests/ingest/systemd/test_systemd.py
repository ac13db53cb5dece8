from __future__ import annotations

from pathlib import Path

import pytest

from ingest.systemd.normalise import normalise
from ingest.systemd.units import units
from kgraph.schema import SourceError
from kgraph.sourcekit import Machine
from kgraph.sourcekit.machines import Told
from tests.ingest.readings import HERE, found, machines, records, relations, well, wrong


def _block(name: str, active: str, sub: str, **more: str) -> str:
    told = {"Id": name, "LoadState": "loaded", "ActiveState": active, "SubState": sub} | more
    return "\n".join(f"{key}={value}" for key, value in told.items())


SHOWN = "\n\n".join(
    [
        _block(
            "shop.service", "active", "running",
            Requires="system.slice db.service srv-shop.mount sysinit.target", NRestarts="2",
        ),
        _block("db.service", "failed", "failed", Result="oom-kill", BindsTo="srv-shop.mount"),
        _block("mail.service", "activating", "auto-restart", Result="exit-code"),
        _block("once.service", "active", "exited"),
        _block("off.service", "inactive", "dead", Result="success"),
        _block("web.socket", "active", "listening", Triggers="shop.service"),
        _block("srv-shop.mount", "active", "mounted", Where="/srv/shop"),
        _block("systemd-journald.service", "failed", "failed", Result="exit-code"),
        _block("gone.service", "inactive", "dead", LoadState="not-found"),
    ]
)  # fmt: skip
H1 = Machine("machine:h1", "h1")


def _items(text: str = SHOWN) -> list[Told]:
    return list(normalise(units(text, "here"), H1, ("systemd-*",), HERE))


def test_live_units_become_entities_on_their_machine() -> None:
    items = _items()
    kinds = {key.removeprefix("unit:h1/"): row.kind for key, row in records(items).items()}
    assert kinds == {
        "machine:h1": "Host",
        "shop.service": "ServiceInstance",
        "db.service": "ServiceInstance",
        "mail.service": "ServiceInstance",
        "once.service": "ServiceInstance",
        "web.socket": "Endpoint",
        "srv-shop.mount": "StoragePool",
    }
    assert ("unit:h1/shop.service", "RUNS_ON", "machine:h1") in relations(items)
    assert ("unit:h1/srv-shop.mount", "USES", "machine:h1") in relations(items)


def test_what_a_unit_requires_it_depends_on_and_slices_and_targets_are_none() -> None:
    ties = {r for r in relations(_items()) if r[2] != "machine:h1"}
    assert ties == {
        ("unit:h1/shop.service", "DEPENDS_ON", "unit:h1/db.service"),
        ("unit:h1/shop.service", "STORED_ON", "unit:h1/srv-shop.mount"),
        ("unit:h1/db.service", "STORED_ON", "unit:h1/srv-shop.mount"),
        ("unit:h1/web.socket", "RUNS_ON", "unit:h1/shop.service"),
    }


def test_failed_and_restarting_units_are_seen_down_and_who_was_killed_is_told() -> None:
    items = _items()
    assert wrong(items) == {
        ("unit:h1/db.service", "down"): "systemd: db.service failed: oom-kill",
        ("unit:h1/db.service", "killed"): "systemd: db.service failed: oom-kill",
        (
            "unit:h1/mail.service",
            "down",
        ): "systemd: mail.service has ended (exit-code), restarting",
    }
    assert ("unit:h1/once.service", "down") in well(items)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Unit x could not be found.",
            "here: unit 1: 'Unit x could not be found.' is no property",
        ),
        (
            "Id=a.service\nLoadState=loaded\n\nLoadState=loaded\nActiveState=active",
            "unit 2: a unit",
        ),
    ],
)
def test_an_answer_that_is_no_list_of_units_is_refused(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        units(text, "here")


def test_a_description_may_hold_what_ends_a_line_elsewhere() -> None:
    (unit,) = units(_block("a.service", "active", "running", Description="one\u2028two"), "here")
    assert unit.description == "one\u2028two"


def test_no_units_at_all_are_no_answer() -> None:
    with pytest.raises(SourceError, match="no unit at all"):
        units("\n", "here")


def test_another_machine_is_asked_through_what_reaches_it(tmp_path: Path) -> None:
    """Its tools are asked as words, with nothing between that would read `*` or `;`."""
    tool = tmp_path / "reach"
    tool.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        "case $1 in uname) echo h9;; cat) [ $2 = /etc/machine-id ] && echo 0123 ;;\n"
        f"*) cat {tmp_path}/shown ;; esac\n"
    )
    tool.chmod(0o755)
    (tmp_path / "shown").write_text(SHOWN)
    reading = found("systemd", via=[str(tool)], units=["*.service; reboot"])
    items = list(reading.items)
    assert reading.scope == "h9"
    assert machines(items)["machine:h9"].machine_id == "0123"
    assert "-- *.service; reboot\n" in (tmp_path / "asked").read_text()


def test_two_machines_without_a_host_name_are_not_taken_for_one(tmp_path: Path) -> None:
    tool = tmp_path / "reach"
    tool.write_text(
        f"#!/bin/sh\ncase $1 in uname) echo localhost;; cat) ;; *) cat {tmp_path}/shown ;; esac\n"
    )
    tool.chmod(0o755)
    (tmp_path / "shown").write_text(SHOWN)
    with pytest.raises(SourceError, match="calls itself 'localhost', as others do; give `host`"):
        found("systemd", via=[str(tool)])
    assert found("systemd", via=[str(tool)], host="h9").scope == "h9"


def test_a_machine_without_systemd_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="can't be run"):
        found("systemd", via=["no-way-there"])
