"""What was done to a machine is what differs between two looks, dated as the machine says."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.detect.changes import (
    State,
    Wanted,
    files_changed,
    look,
    packages,
    packages_changed,
    units,
    units_changed,
)
from kgraph.schema import SourceError
from tests.real import PATH, need

NOW = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
LAST = NOW - timedelta(minutes=10)
DURING, BEFORE = (LAST + timedelta(minutes=3)).timestamp(), (LAST - timedelta(days=9)).timestamp()
PATIENCE = timedelta(seconds=20)


def test_an_upgraded_package_is_a_change_of_when_it_was_installed() -> None:
    old = packages(f"nginx\t1.22\tii \t{BEFORE:.0f}\nlibc6\t2.36\tii \t{BEFORE:.0f}\n", "h1")
    text = f"nginx\t1.24\tii \t{DURING:.0f}\nlibc6\t2.36\tii \t{DURING:.0f}\ngone\t1\trc \t1\n"
    (told,) = packages_changed(old, packages(text, "h1"), NOW, LAST)
    assert (told.type, told.what, told.detail) == ("package", "nginx", "nginx 1.22 -> 1.24")
    assert told.at.timestamp() == round(DURING)


def test_a_date_that_lies_outside_the_two_looks_is_not_believed() -> None:
    old = packages(f"nginx\t1.22\tii \t{BEFORE:.0f}\n", "h1")
    for since in (BEFORE, NOW.timestamp() + 9e6, 1e18):
        new = packages(f"nginx\t1.24\tii \t{since:.0f}\n", "h1")
        assert [told.at for told in packages_changed(old, new, NOW, LAST)] == [NOW]


def test_an_upgrade_of_everything_is_few_changes() -> None:
    old = packages("".join(f"p{n:03}\t1\tii\t1\n" for n in range(300)), "h1")
    new = packages("".join(f"p{n:03}\t2\tii\t1\n" for n in range(300)), "h1")
    told = list(packages_changed(old, new, NOW, LAST))
    assert len(told) == 21
    assert told[-1].detail == "and 280 more packages"


def test_a_package_that_is_there_in_two_versions_has_both_in_whatever_order() -> None:
    rows = [f"kernel\t{version}\tii\t{BEFORE:.0f}\n" for version in ("5.14-2", "5.14-1")]
    old, same = packages("".join(rows), "h1"), packages("".join(reversed(rows)), "h1")
    assert not list(packages_changed(old, same, NOW, LAST))
    new = packages("".join([*rows, f"kernel\t5.14-3\tii\t{DURING:.0f}\n"]), "h1")
    (told,) = packages_changed(old, new, NOW, LAST)
    assert told.detail == "kernel 5.14-1, 5.14-2 -> 5.14-1, 5.14-2, 5.14-3"


def test_what_is_no_list_of_packages_is_refused_with_its_line() -> None:
    with pytest.raises(SourceError, match="line 2 is no package"):
        packages("nginx\t1\tii\t1\nbash: command not found\n", "h1")


def test_a_machine_of_which_no_package_is_told_has_not_lost_all_of_them() -> None:
    with pytest.raises(SourceError, match="no package is told of"):
        packages("", "h1")
    with pytest.raises(SourceError, match="no package is told of"):
        packages("bash\t5.2\tun \t0\n", "h1")


def test_a_file_is_changed_by_what_is_in_it_and_not_by_its_date(tmp_path: Path) -> None:
    need("find", "sha256sum")
    (tmp_path / "conf.d").mkdir()
    kept, edited = tmp_path / "a.conf", tmp_path / "conf.d" / "b c.conf"
    for path in (kept, edited, tmp_path / "gone.conf"):
        path.write_text("password = hunter2\n")
    wanted = Wanted(files=(str(tmp_path),))
    before = look(wanted, "h1", PATIENCE)
    kept.touch()
    edited.write_text("password = another\n")
    (tmp_path / "gone.conf").unlink()
    (tmp_path / "new.conf").write_text("x")
    (tmp_path / ".new.conf.swp").write_text("x")
    now = datetime.now(UTC)
    told = list(files_changed(before.files, look(wanted, "h1", PATIENCE).files, now, None))
    assert [(each.type, Path(each.what).name) for each in told] == [
        ("config", "b c.conf"),
        ("config", "gone.conf"),
        ("config", "new.conf"),
    ]
    assert now - timedelta(minutes=1) < told[0].at <= now
    assert "hunter2" not in json.dumps(before.document())


def test_half_of_a_machine_that_cannot_be_looked_at_is_no_change(tmp_path: Path) -> None:
    need("find", "sha256sum")
    tools, conf = tmp_path / "tools", tmp_path / "etc"
    tools.mkdir()
    conf.mkdir()
    (conf / "a.conf").write_text("x")
    for tool in ("find", "sha256sum"):
        (tools / tool).symlink_to(shutil.which(tool, path=PATH) or "")
    wanted = Wanted(packages="rpm", files=(str(conf),), via=("env", f"PATH={tools}"))
    half = look(wanted, "h1", PATIENCE)
    assert half.packages is None
    assert list(half.files or ()) == [str(conf / "a.conf")]
    assert "rpm" in half.findings[0]
    before = State(packages("nginx\t1\tii\t1\n", "h1"), None, None)
    assert half.over(before).packages == before.packages
    assert list(packages_changed(before.packages, half.packages, NOW, LAST)) == []
    nothing = Wanted(packages="rpm", via=("env", f"PATH={tools}"))
    with pytest.raises(SourceError):
        look(nothing, "h1", PATIENCE)


def test_the_packages_of_this_machine_are_read() -> None:
    need("dpkg-query")
    found = look(Wanted(packages="dpkg"), "here", PATIENCE).packages
    assert found is not None
    assert "dpkg" in found
    assert found["dpkg"].since > 0


def test_a_unit_that_was_started_anew_is_a_restart_and_one_that_was_off_is_none() -> None:
    def shown(name: str, start: str, since: float) -> str:
        return f"Id={name}\nInvocationID={start}\nActiveEnterTimestamp=@{since:.0f}\n"

    before = units("\n".join([shown("shop.service", "aa", BEFORE), shown("off.service", "", 0)]))
    after = units(
        "\n".join([shown("shop.service", "bb", DURING), shown("off.service", "cc", DURING)])
    )
    (told,) = units_changed(before, after, NOW, LAST)
    assert (told.type, told.what, round(told.at.timestamp())) == (
        "restart", "shop.service", round(DURING),
    )  # fmt: skip


def test_a_systemd_that_tells_no_seconds_is_asked_without(tmp_path: Path) -> None:
    tool = tmp_path / "reach"
    tool.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--timestamp*) echo "unrecognized option" >&2; exit 1;; esac\n'
        "echo Id=shop.service; echo InvocationID=aa\n"
        "echo ActiveEnterTimestamp=Sat 2026-11-28 10:00:00 CET\n"
    )
    tool.chmod(0o755)
    found = look(Wanted(via=(str(tool),), units=("shop.service",)), "h1", PATIENCE)
    assert found.units == {"shop.service": ("aa", 0.0)}


def test_a_state_is_the_same_after_it_was_kept() -> None:
    state = State(packages("nginx\t1.22\tii\t5\n", "h1"), None, units(""))
    assert State.of(json.loads(json.dumps(state.document()))) == state
