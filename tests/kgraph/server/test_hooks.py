"""Hooks: what is taken in is in the store; what is not for us is refused and counted."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.app.service.tokens import Role
from kgraph.config import Configuration
from kgraph.schema import ConfigurationError, Drawer, StoreBusyError
from kgraph.server.limits import Rate
from kgraph.server.service import Service
from kgraph.store import GraphStore

from .conftest import Client, alert, listening, webhook

KEY = "a-shared-secret-of-24-chars"
HOOKS = """
[[hooks]]
name = "alertmanager"
type = "alertmanager"
token_env = "HOOK_TOKEN"
[[hooks]]
name = "signed"
type = "alertmanager"
hmac_env = "HOOK_KEY"
[[hooks]]
name = "github-like"
type = "generic"
hmac_env = "HOOK_KEY"
hmac_form = "plain"
hmac_header = "X-Hub-Signature-256"
[hooks.mapping]
labels = {alertname = "/check", instance = "/host"}
[[hooks]]
name = "events"
type = "cloudevents"
[[hooks]]
name = "pager"
type = "pagerduty"
hmac_env = "HOOK_KEY"
"""
Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", KEY)
    monkeypatch.setenv("HOOK_KEY", KEY)


def counted(client: Client, name: str) -> float:
    metrics = client.service.metrics
    rows = {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "kgraph_http_refused_total"
    }
    return rows.get((name,), 0.0)


def test_what_is_accepted_is_in_the_store_with_the_payload_as_it_came(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    content = webhook(alert())
    answer = serve().post("/hooks/alertmanager", content=content, headers=token(Role.HOOK))
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1, "alerts": 1})
    (kept,) = store.documents(Drawer.INBOX)
    assert json.loads(kept.body)["content"] == content.decode()


def test_ten_thousand_alerts_are_one_delivery(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    content = webhook(*(alert(host=f"h{n}") for n in range(10_000)))
    answer = serve().post("/hooks/alertmanager", content=content, headers=token(Role.HOOK))
    assert answer.json() == {"deliveries": 1, "alerts": 10_000}
    assert store.count(Drawer.INBOX) == 1


def test_a_responder_posts_evidence_to_hooks(serve: Serve, token: Token) -> None:
    headers = token(Role.RESPONDER)
    answer = serve().post("/hooks/alertmanager", content=webhook(alert()), headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (webhook(alert(), version="3"), "payload version '3'"),
        (webhook({"labels": 7}), "alerts.0.labels"),
    ],
)
def test_what_is_no_payload_is_refused_and_not_kept(
    serve: Serve, token: Token, store: GraphStore, content: bytes, told: str
) -> None:
    answer = serve().post("/hooks/alertmanager", content=content, headers=token(Role.HOOK))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert told in answer.json()["detail"]
    assert store.count(Drawer.INBOX) == 0


def test_an_unknown_hook_is_not_found(serve: Serve, token: Token) -> None:
    answer = serve().post("/hooks/nobody", content=b"{}", headers=token(Role.HOOK))
    assert answer.status_code == 404


def test_without_a_token_or_with_a_viewer_s_nothing_is_taken_in(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client = serve()
    for headers, status, reason in (
        ({}, 401, "no token"),
        ({"Authorization": "Bearer kgraph_aa_bb"}, 401, "bad token"),
        (token(Role.VIEWER), 403, "role"),
    ):
        answer = client.post("/hooks/alertmanager", content=webhook(alert()), headers=headers)
        assert answer.status_code == status
        assert counted(client, reason) == 1
    assert store.count(Drawer.INBOX) == 0


def test_a_hook_s_own_token_is_needed_where_it_has_one(serve: Serve, token: Token) -> None:
    client = serve(HOOKS)
    good = {"Authorization": f"Bearer {KEY}"}
    for headers, status in ((good, 202), (token(Role.ADMIN), 401), ({}, 401)):
        answer = client.post("/hooks/alertmanager", content=webhook(alert()), headers=headers)
        assert answer.status_code == status


def signed(body: bytes, seconds: float | None = None, key: str = KEY) -> dict[str, str]:
    stamp = int(time.time() if seconds is None else seconds)
    made = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Kgraph-Signature": f"t={stamp},v1={made}"}


def test_a_signed_request_counts_once(serve: Serve) -> None:
    client, body = serve(HOOKS), webhook(alert())
    headers = signed(body)
    assert client.post("/hooks/signed", content=body, headers=headers).status_code == 202
    assert client.post("/hooks/signed", content=body, headers=headers).status_code == 409
    assert counted(client, "replay") == 1


def test_a_signed_request_counts_once_on_all_servers_however_its_header_is_written(
    serve: Serve,
) -> None:
    body = webhook(alert())
    headers = signed(body)
    stamp, mac = headers["X-Kgraph-Signature"].split(",")
    again = {"X-Kgraph-Signature": f" {mac.upper().replace('V1', 'v1')}, {stamp}"}
    assert serve(HOOKS).post("/hooks/signed", content=body, headers=headers).status_code == 202
    other = serve(HOOKS)  # or the same, started anew
    assert other.post("/hooks/signed", content=body, headers=headers).status_code == 409
    assert other.post("/hooks/signed", content=body, headers=again).status_code == 409


def test_what_could_not_be_kept_may_come_again_as_it_is_signed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, body = serve(HOOKS), webhook(alert())
    headers = signed(body)

    async def busy(_documents: object) -> None:
        raise StoreBusyError("somebody writes")

    with monkeypatch.context() as patched:
        patched.setattr(client.service.mail, "keep", busy)
        assert client.post("/hooks/signed", content=body, headers=headers).status_code == 503
    assert client.post("/hooks/signed", content=body, headers=headers).status_code == 202


def test_a_forged_late_or_missing_signature_is_refused(serve: Serve, store: GraphStore) -> None:
    client, body = serve(HOOKS), webhook(alert())
    for headers, reason in (
        (signed(body, key="another-secret-of-24-chars"), "signature forged"),
        (signed(webhook()), "signature forged"),
        (signed(body, time.time() - 301), "signature late"),
        ({}, "signature missing"),
        ({"X-Kgraph-Signature": "t=²,v1=é".encode()}, "signature forged"),
    ):
        before = counted(client, reason)
        answer = client.post("/hooks/signed", content=body, headers=headers)
        assert answer.status_code == 401
        assert counted(client, reason) == before + 1
    assert store.count(Drawer.INBOX) == 0


def test_a_plain_signature_over_the_body_will_do_where_it_is_asked_for(serve: Serve) -> None:
    body = json.dumps({"check": "HostDown", "host": "h1"}).encode()
    mac = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={mac}"}
    answer = serve(HOOKS).post("/hooks/github-like", content=body, headers=headers)
    assert answer.json() == {"deliveries": 1, "alerts": 1}


def pager_event(id_: str = "01E", at: datetime | None = None, **more: object) -> bytes:
    event = {
        "id": id_,
        "event_type": "incident.acknowledged",
        "occurred_at": (at or datetime.now(UTC)).isoformat(),
        "agent": {"type": "user_reference", "id": "PADA", "summary": "Ada"},
        "data": {"id": "PT4", "incident_key": "kgraph-INC-0001"},
    }
    return json.dumps({"event": event | more}).encode()


def pager_signed(body: bytes, *keys: str) -> dict[str, str]:
    """Sign as PagerDuty does: with each of the keys while one is exchanged for another."""
    macs = (hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in keys or (KEY,))
    return {"X-PagerDuty-Signature": ",".join(f"v1={mac}" for mac in macs)}


def test_an_event_of_pagerduty_is_kept_once_on_all_servers_whichever_key_fits(
    serve: Serve, store: GraphStore
) -> None:
    body = pager_event()
    headers = pager_signed(body, "the-key-that-it-had-before", KEY)
    answer = serve(HOOKS).post("/hooks/pager", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1, "alerts": 0})
    other = serve(HOOKS)
    assert other.post("/hooks/pager", content=body, headers=headers).status_code == 409
    changed = pager_event(agent={"type": "user_reference", "summary": "Eve"})
    again = other.post("/hooks/pager", content=changed, headers=pager_signed(changed))
    assert again.status_code == 409  # the same event, written otherwise
    assert counted(other, "replay") == 2
    assert store.count(Drawer.INBOX) == 1


def test_forged_unsigned_old_or_early_events_of_pagerduty_are_refused_and_counted(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, body, now = serve(HOOKS), pager_event(), datetime.now(UTC)
    old, early = (pager_event(at=now + timedelta(minutes=m)) for m in (-361, 6))
    good = pager_signed(body)["X-PagerDuty-Signature"]
    for content, headers, reason in (
        (body, {}, "signature missing"),
        (body, token(Role.ADMIN), "signature missing"),
        (body, pager_signed(body, "another-secret-of-24-chars"), "signature forged"),
        (pager_event("02E"), pager_signed(body), "signature forged"),
        (body, {"X-PagerDuty-Signature": good.replace("v1=", "v0=")}, "signature forged"),
        (body, {"X-PagerDuty-Signature": good.removeprefix("v1=")}, "signature forged"),
        (old, pager_signed(old), "signature late"),
        (early, pager_signed(early), "signature late"),
    ):
        before = counted(client, reason)
        answer = client.post("/hooks/pager", content=content, headers=headers)
        assert (answer.status_code, counted(client, reason)) == (401, before + 1)
    assert store.count(Drawer.INBOX) == store.count(Drawer.SEEN) == 0


def test_an_event_of_pagerduty_that_could_not_be_kept_is_taken_when_it_comes_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, body = serve(HOOKS), pager_event()

    async def busy(_documents: object) -> None:
        raise StoreBusyError("somebody writes")

    with monkeypatch.context() as patched:
        patched.setattr(client.service.mail, "keep", busy)
        refused = client.post("/hooks/pager", content=body, headers=pager_signed(body))
    assert refused.status_code == 503
    answer = client.post("/hooks/pager", content=body, headers=pager_signed(body))
    assert answer.status_code == 202


def test_the_event_that_tries_a_subscription_out_is_taken_and_not_kept(
    serve: Serve, store: GraphStore
) -> None:
    body = pager_event(event_type="pagey.ping", data={"message": "Hello from your friend Pagey!"})
    answer = serve(HOOKS).post("/hooks/pager", content=body, headers=pager_signed(body))
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 0, "alerts": 0})
    assert store.count(Drawer.INBOX) == 0


def test_a_hook_of_pagerduty_without_a_signing_secret_is_refused(
    configured: Callable[[str], Configuration],
) -> None:
    with pytest.raises(ConfigurationError, match="hmac_env or hmac_file"):
        configured('[[hooks]]\nname = "pager"\ntype = "pagerduty"\n')


def test_cloudevents_are_taken_structured_and_binary(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, headers = serve(HOOKS), token(Role.HOOK)
    event = {"specversion": "1.0", "id": "1", "source": "/x", "type": "HostDown", "subject": "h1"}
    structured = headers | {"Content-Type": "application/cloudevents+json"}
    assert client.post("/hooks/events", json=event, headers=structured).status_code == 202
    binary = headers | {f"ce-{name}": value for name, value in event.items()} | {"ce-id": "2"}
    assert client.post("/hooks/events", headers=binary).status_code == 202
    kept = [json.loads(row.body)["content"]["id"] for row in store.documents(Drawer.INBOX)]
    assert kept == ["1", "2"]


def test_too_much_is_refused_whether_its_length_is_told_or_not(serve: Serve, token: Token) -> None:
    client, headers = serve("[server]\nbody_mib = 1\n"), token(Role.HOOK)
    large = b" " * (2**20 + 1)

    async def in_parts() -> AsyncIterator[bytes]:
        yield large

    for content in (large, in_parts()):
        answer: Any = client.post("/hooks/alertmanager", content=content, headers=headers)
        assert answer.status_code == 413
    assert counted(client, "size") == 2


def test_more_requests_than_an_address_has_are_refused_but_for_health(serve: Serve) -> None:
    client = serve("[server]\nrequests_per_second = 0.001\nburst = 2\n")
    statuses = [client.post("/hooks/alertmanager").status_code for _ in range(3)]
    assert statuses == [401, 401, 503]  # Alertmanager tries again by 5xx alone
    assert client.get("/api/v1/incidents").status_code == 429
    assert client.get("/healthz").status_code == 200
    assert counted(client, "rate") == 2


def test_who_tries_many_tokens_is_slowed_down(serve: Serve) -> None:
    client = serve()
    client.service.guesses = Rate(0.2, 10, lambda: 0.0)  # none grows back, however slow this is
    wrong = {"Authorization": "Bearer kgraph_aa_bb"}
    statuses = [client.get("/api/v1/incidents", headers=wrong).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_a_client_that_sends_too_slowly_is_sent_away_and_counted(
    configured: Callable[[str], Configuration], token: Token
) -> None:
    known = token(Role.HOOK)["Authorization"]
    service = Service(configured("[server]\nbody_seconds = 0.3\n"))
    with listening(service) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(b"POST /hooks/alertmanager HTTP/1.1\r\nHost: x\r\n")
            slow.sendall(f"Authorization: {known}\r\n".encode())
            slow.sendall(b"Content-Length: 100\r\n\r\n{")
            answer = slow.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert counted(Client(service), "slow") == 1


def test_who_is_not_known_does_not_fill_the_memory(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client = serve("[server]\nbody_mib = 1\n")
    client.gate._most_held = 1000
    large = b" " * 300_000
    answer = client.post("/hooks/alertmanager", content=large, headers=token(Role.HOOK))
    assert (answer.status_code, counted(client, "memory")) == (503, 1)
    client.gate._most_held = len(large) + 1_000
    whole = webhook(alert()) + large
    for _ in range(2):  # what was held is free again, whether it was refused or taken
        again = client.post("/hooks/alertmanager", content=whole, headers=token(Role.HOOK))
        assert again.status_code == 202
    assert store.count(Drawer.INBOX) == 2


def test_who_holds_all_room_with_slow_requests_keeps_no_alert_out(
    serve: Serve, token: Token
) -> None:
    client = serve()
    client.gate._held = client.gate._most_held  # by who need not be known
    answer = client.post("/hooks/alertmanager", content=webhook(alert()), headers=token(Role.HOOK))
    assert answer.status_code == 202


def test_alerts_that_were_left_out_are_counted(serve: Serve, token: Token) -> None:
    client = serve()
    content = webhook(alert(), truncatedAlerts=7)
    client.post("/hooks/alertmanager", content=content, headers=token(Role.HOOK))
    told = client.get("/metrics", headers=token(Role.VIEWER)).text
    assert 'kgraph_hook_truncated_alerts_total{hook="alertmanager"} 7.0' in told
