"""`kgraph token`: shown once, kept as a hash, good for nothing once it is revoked."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kgraph.app.service import audit, tokens
from kgraph.app.service.tokens import Role
from kgraph.store import open_store

Run = Callable[..., Any]  # see conftest
NOW = datetime.now(UTC)


def stored(work: Path) -> Path:
    return work / "kgraph.db"


def made(run: Run, work: Path, *arguments: str) -> str:
    done = run("--store", str(stored(work)), "token", "create", "ada", *arguments)
    assert done.code == 0, done.err
    return str(done.out.strip())


def test_a_token_is_shown_once_and_the_store_does_not_have_it(run: Run, work: Path) -> None:
    text = made(run, work, "--role", "operator")
    assert text.encode().rpartition(b"_")[2] not in stored(work).read_bytes()
    with closing(open_store(stored(work))) as store:
        token = tokens.check(store, text, NOW)
        deeds = audit.listed(store, 10)
    assert token is not None
    assert (token.name, token.role) == ("ada", Role.OPERATOR)
    assert [(row.what, row.of) for row in deeds] == [("token.create", token.id)]


def test_a_token_may_be_written_to_a_file_for_its_owner_alone(run: Run, work: Path) -> None:
    assert made(run, work, "--to-file", "t") == ""
    assert stat.S_IMODE((work / "t").stat().st_mode) == 0o600
    again = run("token", "create", "ada", "--to-file", "t")
    assert (again.code, "is there already" in again.err) == (2, True)


def test_what_cannot_be_written_down_is_no_token(run: Run, work: Path) -> None:
    made(run, work)
    lost = run("--store", str(stored(work)), "token", "create", "eve", "--to-file", "no/such/t")
    assert (lost.code, lost.err.count("\n"), "no/such/t" in lost.err) == (1, 1, True)
    with closing(open_store(stored(work))) as store:
        assert [token.name for token in tokens.listed(store)] == ["ada"]
    shut = run("--store", str(work), "token", "create", "eve", "--to-file", "t")
    assert shut.code == 1
    assert not (work / "t").exists()


def test_what_is_forged_revoked_or_expired_is_refused(run: Run, work: Path) -> None:
    text = made(run, work, "--days", "1")
    id_ = text.split("_")[1]
    with closing(open_store(stored(work))) as store:
        assert tokens.check(store, text, NOW) is not None
        for wrong in ("", "x", f"kgraph_{id_}_", f"kgraph_{id_}_{'0' * 64}", text.upper()):
            assert tokens.check(store, wrong, NOW) is None
        assert tokens.check(store, text, NOW + timedelta(days=2)) is None
    told = run("--store", str(stored(work)), "token", "revoke", "ada").err
    assert f"that is the name of {id_}: give the id" in told
    assert run("--store", str(stored(work)), "token", "revoke", id_).code == 0
    with closing(open_store(stored(work))) as store:
        assert tokens.check(store, text, NOW) is None
    assert run("--store", str(stored(work)), "token", "revoke", id_).code == 1


def test_the_list_has_no_hash(run: Run, work: Path) -> None:
    made(run, work)
    rows = json.loads(run("--store", str(stored(work)), "token", "list", "--output", "json").out)
    assert [(row["name"], row["role"], row["expires"]) for row in rows] == [
        ("ada", "viewer", "never")
    ]
    assert set(rows[0]) == {"id", "name", "role", "created", "expires"}


def test_roles_contain_each_other_but_a_hook_may_only_post() -> None:
    may = {role: [needed for needed in Role if role.may(needed)] for role in Role}
    assert may == {
        Role.HOOK: [Role.HOOK],
        Role.VIEWER: [Role.VIEWER],
        Role.RESPONDER: [Role.HOOK, Role.VIEWER, Role.RESPONDER],
        Role.OPERATOR: [Role.HOOK, Role.VIEWER, Role.RESPONDER, Role.OPERATOR],
        Role.ADMIN: list(Role),
    }


def test_the_audit_tells_who_made_and_revoked_a_token(run: Run, work: Path) -> None:
    id_ = made(run, work).split("_")[1]
    run("--store", str(stored(work)), "token", "revoke", id_)
    rows = json.loads(
        run("--store", str(stored(work)), "audit", "requests", "--output", "json").out
    )
    assert [(row["what"], row["of"], row["from"], row["outcome"]) for row in rows] == [
        ("token.revoke", id_, "command line", "done"),
        ("token.create", id_, "command line", "done"),
    ]
