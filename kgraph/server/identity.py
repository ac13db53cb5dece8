"""Who is asking, and whether they may."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from kgraph.app.service import tokens
from kgraph.app.service.tokens import Role, Token
from kgraph.config.hooks import HookConfig
from kgraph.schema import Document, Drawer
from kgraph.server import halves
from kgraph.server.parameters import only_known
from kgraph.server.problems import Refused
from kgraph.server.service import Service
from kgraph.server.signatures import TOLERANCE_SECONDS, Signed, once, verdict

CALLER = "kgraph.caller"  # where in a request's scope an application behind us finds who asks
_REDELIVERED = timedelta(
    hours=6
)  # a sender tries again for so long; what was seen is known for a day
_ASK = {"WWW-Authenticate": "Bearer"}
_bearer = HTTPBearer(auto_error=False, description="A token that `kgraph token create` made.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: for people and the audit.
        address: where from.
        token: the id of their token; empty: none was asked for.
    """

    name: str
    role: Role
    address: str
    token: str = ""

    @property
    def may_read(self) -> bool:
        """Whether they may look at anything."""
        return self.role.may(Role.VIEWER)


def service_of(request: Request) -> Service:
    """Return the server's state."""
    found: Service = request.app.state.service
    return found


def address_of(request: Request) -> str:
    """Return where a request is from."""
    return request.client.host if request.client else ""


def needs(role: Role) -> Callable[[Request, Bearer], Awaitable[Caller]]:
    """Return a dependency that lets pass who may do what needs a role, and asks in known words."""

    async def caller(request: Request, bearer: Bearer) -> Caller:
        found = await admit(service_of(request), role, bearer, request)
        only_known(request)
        return found

    return caller


async def admit(
    service: Service,
    role: Role,
    bearer: HTTPAuthorizationCredentials | None,
    request: Request,
) -> Caller:
    """Return who asks, if they may do what needs a role.

    Raises:
        Refused: they may not, or nobody knows who they are.
    """
    address = address_of(request)
    if service.settings.authentication == "none":
        return Caller("anybody on this machine", Role.ADMIN, address)
    text = bearer.credentials if bearer else halves.token_of(request)
    found = await named(service, text, address)
    if not found.role.may(role):
        told = f"the token of {found.name!r} has the role {found.role.value}, not {role.value}"
        raise Refused(HTTPStatus.FORBIDDEN, told, "role")
    return found


def bearer_of(request: Request) -> str | None:
    """Return what a request shows as its token in the usual header; None: nothing."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text else None


async def token_of(service: Service, text: str) -> Token | None:
    """Return whose token a text is; None for one that is forged, revoked or expired."""
    now = service.clock()
    return await service.readers.ask(lambda store: tokens.check(store, text, now))


async def named(service: Service, text: str, address: str) -> Caller:
    """Return whose token a text is.

    Raises:
        Refused: nobody's, or there is none.
    """
    if not text:
        told = "a token is needed: `kgraph token create` makes one"
        raise Refused(HTTPStatus.UNAUTHORIZED, told, "no token", _ASK)
    token = await token_of(service, text)
    if token is None:
        _guessed(service, address)
        raise Refused(HTTPStatus.UNAUTHORIZED, "no such token, or no longer", "bad token", _ASK)
    return Caller(f"{token.name} ({token.id})", token.role, address, token.id)


def _guessed(service: Service, address: str) -> None:
    """Slow down who tries many tokens."""
    wait = service.guesses.take(address)
    if wait:
        headers = {"Retry-After": str(int(wait) + 1)}
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong tokens", "guessing", headers)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request to a hook whose sender may post there.

    Attributes:
        seen: what is remembered so that it counts once; None: it may come again.
    """

    body: bytes
    seen: Document | None = None


async def admitted(service: Service, hook: HookConfig, request: Request) -> Admitted:
    """Return the body of who may post to a hook; it is read only once they are known, if it can.

    Raises:
        Refused: they may not.
    """
    secret, address = service.secrets[hook.name], address_of(request)
    if secret.key:
        body = await request.body()
        text = request.headers.get(hook.hmac_header, "")
        return Admitted(body, await _signed(service, hook, text, body, address))
    bearer = await _bearer(request)
    if secret.token:
        given = bearer.credentials if bearer else ""
        if not hmac.compare_digest(given.encode(), secret.token.encode()):
            _guessed(service, address)
            raise Refused(HTTPStatus.UNAUTHORIZED, "not this hook's token", "bad token", _ASK)
    else:
        await admit(service, Role.HOOK, bearer, request)
    return Admitted(await request.body())


async def _signed(
    service: Service, hook: HookConfig, text: str, body: bytes, address: str
) -> Document | None:
    """Look at a signature; return what was written down so that it counts once, on all servers."""
    key = service.secrets[hook.name].key
    found = verdict(hook.hmac_form, text, body, key, time.time())
    seen: Document | None = None
    # A plain signature says nothing of when: the same alert may well be sent again.
    if found is Signed.GOOD and hook.hmac_form == "timed":
        id_ = f"signature {hook.name} {once(text, body)}"
        seen = Document(Drawer.SEEN, id_, service.clock(), "{}")
        mark = seen
        if not await service.writer.ask(lambda store: store.claim(mark)):
            found = Signed.REPLAYED
    if found is Signed.GOOD:
        return seen
    if found is Signed.REPLAYED:
        raise Refused(HTTPStatus.CONFLICT, found.value, "replay")
    if found is Signed.FORGED:
        _guessed(service, address)
    raise Refused(HTTPStatus.UNAUTHORIZED, found.value, f"signature {found.name.lower()}")


async def fresh(service: Service, hook: str, event: str, at: datetime) -> Document:
    """Return what was written down so that an event counts once, on all servers.

    For senders whose signature has no time: the signed event has one, and an id.

    Raises:
        Refused: it was received before, or is so old that this could not be told.
    """
    now = service.clock()
    if not now - _REDELIVERED < at < now + timedelta(seconds=TOLERANCE_SECONDS):
        raise Refused(HTTPStatus.UNAUTHORIZED, Signed.LATE.value, "signature late")
    seen = Document(Drawer.SEEN, f"event {hook} {event}", now, "{}")
    if not await service.writer.ask(lambda store: store.claim(seen)):
        raise Refused(HTTPStatus.CONFLICT, Signed.REPLAYED.value, "replay")
    return seen


# The scopes are for the OpenAPI document alone, which names the role of each operation by them.
Viewer = Annotated[Caller, Security(needs(Role.VIEWER), scopes=[Role.VIEWER.value])]
Responder = Annotated[Caller, Security(needs(Role.RESPONDER), scopes=[Role.RESPONDER.value])]
Operator = Annotated[Caller, Security(needs(Role.OPERATOR), scopes=[Role.OPERATOR.value])]
Admin = Annotated[Caller, Security(needs(Role.ADMIN), scopes=[Role.ADMIN.value])]
Served = Annotated[Service, Depends(service_of)]
