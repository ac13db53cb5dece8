"""What the page is made of on the server's side: its files, who has logged in, what it asks."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.app.service.tokens import Role
from kgraph.schema import IncidentRecord, IncidentStatus
from kgraph.server import assets
from kgraph.server.halves import COOKIE, HEADER, joined, split
from kgraph.store import GraphStore

from .conftest import T0, Client, listening

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that was built, as far as serving it goes."""
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>kgraph</title>")
    (folder / "main-ABCDEF12.js").write_text("let a = 1;" * 100)
    (folder / "notes.md").write_text("not sent")
    monkeypatch.setattr(assets, "FOLDER", folder)
    return folder


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.isascii()), st.data())
def test_two_halves_give_the_token_back_and_one_tells_nothing(token: str, data: Any) -> None:
    pad = data.draw(st.binary(min_size=len(token), max_size=len(token)))
    mine, rest = split(token, lambda _count: pad)
    assert joined(mine, rest) == token
    # Whatever the token was, there is a pad that makes the same cookie of it.
    other = "x" * len(token)
    assert split(other, lambda _count: _xor(other, rest))[1] == rest


def _xor(token: str, rest: str) -> bytes:
    return joined_bytes(split("\0" * len(token), lambda _n: b"\0" * len(token))[0], token, rest)


def joined_bytes(_zero: str, token: str, rest: str) -> bytes:
    import base64

    cookie = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4))
    return bytes(a ^ b for a, b in zip(token.encode(), cookie, strict=True))


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_are_no_halves_is_no_token(pad: str, rest: str) -> None:
    assert isinstance(joined(pad, rest), str)
