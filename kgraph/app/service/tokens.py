"""Tokens of the API: made, listed, revoked, checked. The store holds hashes only.

A token is 32 random bytes, so a plain SHA-256 of it is as good as a slow hash: there is nothing
to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kgraph.schema import Document, Drawer, InputError
from kgraph.schema.timestamps import format_time, parse_time
from kgraph.store import DocumentStore

_PREFIX = "kgraph"  # so that scanners of leaked secrets know one when they see it
_ALL = 10_000
_LIST = "`kgraph token list` shows them"


class Role(Enum):
    """What a token may do: each what those before it may, but `hook` may only post to hooks.

    A viewer posts nothing, to hooks either. A responder is on call and judges: what she says is
    kept, and what she looks at is evidence; effects on the estate are the operator's.
    """

    HOOK = "hook"
    VIEWER = "viewer"
    RESPONDER = "responder"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Tell whether the role suffices for what needs another."""
        if needed is Role.HOOK:
            return self is not Role.VIEWER
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the token itself is not.

    Attributes:
        id: its public part.
        name: whose it is; the audit says so.
        expires_at: it is refused from then on; None: never.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None = None


def create(
    store: DocumentStore,
    name: str,
    role: Role,
    now: datetime,
    secret: Callable[[int], bytes],
    expires_at: datetime | None = None,
    told: Callable[[str], object] = str,
) -> tuple[Token, str]:
    """Make a token; returns it once, in full.

    Args:
        store: where its hash is kept.
        name: whose it is; several may have one name.
        role: what it may do.
        now: the moment.
        secret: makes so many random bytes.
        expires_at: until when it is good; None: for ever.
        told: is given it in full before it is kept; where that fails, there is no token.

    Raises:
        InputError: no usable name.
    """
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise InputError(f"{name!r} is no name", mend="1 to 100 printable characters")
    id_, key = secret(6).hex(), secret(32).hex()
    token = Token(id_, name.strip(), role, now, expires_at)
    body = {
        "name": token.name,
        "role": role.value,
        "hash": _hash(key),
        "expiresAt": format_time(expires_at) if expires_at else None,
    }
    text = f"{_PREFIX}_{id_}_{key}"
    told(text)
    store.put([Document(Drawer.TOKEN, id_, now, json.dumps(body))])
    return token, text


def listed(store: DocumentStore) -> list[Token]:
    """Return all tokens, oldest first."""
    return [_token(row) for row in store.documents(Drawer.TOKEN, limit=_ALL)]


def revoke(store: DocumentStore, token_id: str) -> Token:
    """Let a token be good for nothing, at once.

    Raises:
        InputError: there is none of this id.
    """
    found = store.named(Drawer.TOKEN, [token_id])
    if not found:
        named = [each.id for each in listed(store) if each.name == token_id]
        mend = f"that is the name of {', '.join(named)}: give the id" if named else _LIST
        raise InputError(f"no token {token_id!r}", mend=mend)
    store.drop(Drawer.TOKEN, [token_id])
    return _token(found[0])


def check(store: DocumentStore, text: str, now: datetime) -> Token | None:
    """Return whose token this is; None for one that is forged, revoked or expired."""
    prefix, _, rest = text.partition("_")
    id_, _, key = rest.partition("_")
    if prefix != _PREFIX or not id_ or not key:
        return None
    found = store.named(Drawer.TOKEN, [id_])
    if not found or not hmac.compare_digest(json.loads(found[0].body)["hash"], _hash(key)):
        return None
    token = _token(found[0])
    return None if _over(token, now) else token


def stands(store: DocumentStore, token_id: str, now: datetime) -> bool:
    """Tell whether a token that was good is so still."""
    return any(not _over(_token(row), now) for row in store.named(Drawer.TOKEN, [token_id]))


def _over(token: Token, now: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= now


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _token(row: Document) -> Token:
    body = json.loads(row.body)
    until = parse_time(body["expiresAt"]) if body["expiresAt"] else None
    return Token(row.id, body["name"], Role(body["role"]), row.at, until)
