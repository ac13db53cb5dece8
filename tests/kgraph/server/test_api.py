"""The API: what it shows, who may do what, and that every write is written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kgraph.app.asking.investigation import of_store
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents.keeping import save, sort
from kgraph.app.repairs.binding import Binding
from kgraph.app.service.tokens import Role
from kgraph.app.watch.told import Told, What
from kgraph.config import Configuration
from kgraph.schema import Actor, Document, Drawer, PlanState, RelationRecord, StoreFullError
from kgraph.schema.plan_documents import parse_plan, plan_text
from kgraph.server.metrics import Metrics
from kgraph.server.routes import investigation
from kgraph.server.watching import WatchThread
from kgraph.store import GraphStore

from .conftest import ESTATE, T0, Client

Serve = Callable[..., Client]
Token = Callable[[Role], dict[str, str]]


def test_an_incident_is_shown_with_its_cause_and_has_a_tag(
    serve: Serve, token: Token, incident: str
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    shown = client.get(f"/api/v1/incidents/{incident}", headers=headers)
    assert shown.status_code == 200
    cause = shown.json()["answer"]["causes"][0]
    assert (cause["kind"], cause["mode"]) == ("StorageExport", "down")
    again = headers | {"If-None-Match": shown.headers["etag"]}
    answer = client.get(f"/api/v1/incidents/{incident}", headers=again)
    assert (answer.status_code, answer.content) == (304, b"")


def test_the_report_is_what_a_person_reads(serve: Serve, token: Token, incident: str) -> None:
    shown = serve().get(f"/api/v1/incidents/{incident}/report", headers=token(Role.VIEWER)).json()
    sections = {row["label"]: row["lines"] for row in shown["sections"]}
    assert "vmstore" in sections["CAUSE"][0]


def test_the_bundle_answers_the_same_when_it_is_posted(
    serve: Serve, token: Token, incident: str
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    bundle = client.get(f"/api/v1/incidents/{incident}/bundle", headers=headers).json()
    answer = client.post("/api/v1/investigate", json=bundle, headers=headers).json()
    shown = client.get(f"/api/v1/incidents/{incident}", headers=headers).json()["answer"]
    assert answer["causes"][0]["entity"] == shown["causes"][0]["entity"]


@pytest.mark.parametrize("place", ["id", "kind", "entity"])
def test_a_bundle_with_half_a_character_is_refused(serve: Serve, token: Token, place: str) -> None:
    said = {"id": "a", "kind": "Service", "entity": "w"} | {place: "\ud800"}
    bundle = {
        "format": "kgraph.incident/v1",
        "id": said["id"],
        "entities": [{"id": said["entity"], "kind": said["kind"]}],
        "observations": [{"entity": said["entity"], "signal": "latency", "state": "abnormal"}],
    }
    answer = serve().post(
        "/api/v1/investigate",
        content=json.dumps(bundle),
        headers=token(Role.VIEWER) | {"Content-Type": "application/json"},
    )
    assert (answer.status_code, "half a character" in answer.json()["detail"]) == (400, True)


def test_a_bundle_that_would_take_all_memory_is_not_explained_beside_the_watch(
    serve: Serve, token: Token, incident: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    bundle = client.get(f"/api/v1/incidents/{incident}/bundle", headers=headers).json()
    for most, status in ((len(bundle["relations"]), 200), (len(bundle["relations"]) - 1, 413)):
        monkeypatch.setattr(investigation, "_MOST", most)
        answer = client.post("/api/v1/investigate", json=bundle, headers=headers)
        assert answer.status_code == status
    assert "investigate --bundle` explains them in a process" in answer.json()["detail"]


def test_a_bundle_that_is_none_is_refused_with_where(serve: Serve, token: Token) -> None:
    told = serve().post("/api/v1/investigate", json={"format": "x"}, headers=token(Role.VIEWER))
    assert told.status_code == 400
    assert told.json()["detail"].startswith("bundle")


def test_every_list_and_document_has_a_tag_as_the_document_of_the_api_says(
    serve: Serve, token: Token, incident: str, store: GraphStore
) -> None:
    client, headers = serve(), token(Role.ADMIN)
    (plan,) = store.plans()
    known = {"incident_id": incident, "plan_id": plan.id, "uid": store.find(kind="Host")[0].uid}
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    asked = {path: row["get"] for path, row in paths.items() if "get" in row}
    tagged = [path for path, row in asked.items() if "304" in row["responses"]]
    lists = {path for path in tagged if "{" not in path}
    assert lists >= {f"/api/v1/{name}" for name in ("incidents", "entities", "plans", "reports")}
    assert lists >= {"/api/v1/audit", "/api/v1/dead-letters"}
    for path in tagged:
        names = [row["name"] for row in asked[path]["parameters"]]
        assert {"limit", "after"} <= set(names) or path not in lists - {"/api/v1/board"}
        address = path.format(**known)
        shown = client.get(address, headers=headers)
        assert shown.status_code == 200, address
        again = headers | {"If-None-Match": shown.headers["etag"]}
        assert client.get(address, headers=again).status_code == 304, address


def test_the_document_of_the_api_says_what_fields_are_and_what_bodies_look_like(
    serve: Serve, token: Token
) -> None:
    client = serve()
    document = client.get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert "any mode" in schemas["SuspectForm"]["properties"]["posterior"]["description"]
    assert not [
        name for name, row in schemas.items() if "Attributes:" in row.get("description", "")
    ]
    asked = {name: row for name, row in schemas.items() if name.endswith("Asked")}
    assert [name for name, row in asked.items() if "examples" not in row] == [
        "FaultAsked",  # a part of another one
        "LogInAsked",  # a secret
    ]
    post = document["paths"]["/hooks/{name}"]["post"]
    example = post["requestBody"]["content"]["application/json"]["example"]
    headers = token(Role.HOOK)
    assert client.post("/hooks/alertmanager", json=example, headers=headers).json()["alerts"] == 1


BELOW = {
    Role.HOOK: Role.VIEWER,
    Role.VIEWER: Role.HOOK,
    Role.RESPONDER: Role.VIEWER,
    Role.OPERATOR: Role.RESPONDER,
    Role.ADMIN: Role.OPERATOR,
}
IDS = ("incident_id", "plan_id", "uid", "letter_id", "report_id")
OPEN = {"/healthz", "/readyz", "/api/v1/session"}  # to look whether it lives, and to log in


def test_the_document_of_the_api_names_the_role_of_each_operation_and_it_is_asked_for(
    serve: Serve, token: Token
) -> None:
    client = serve()
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    headers = {role: token(role) for role in Role}
    without = set()
    for path, method, operation in (
        (path, method, operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ):
        named = [name for row in operation.get("security", ()) for name in row.values()]
        if not named:
            without.add(path)
            continue
        ((role,),) = named
        assert f"Needs a token of the role {role}" in operation["description"], path
        address = path.format(name="alertmanager", **dict.fromkeys(IDS, "x"))
        body: dict[str, Any] = {} if method in {"get", "delete"} else {"json": {}}
        asked = client.request(method, address, headers=headers[BELOW[Role(role)]], **body)
        assert asked.status_code == 403, (method, path, asked.text)
    assert without == OPEN


def test_an_address_that_there_is_not_is_told_with_where_to_look(
    serve: Serve, token: Token
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    lost = client.get("/api/v1/incident", headers=headers)
    assert (lost.status_code, lost.headers["content-type"]) == (404, "application/problem+json")
    assert "/api/v1/openapi.json" in lost.json()["detail"]
    wrong = client.post("/api/v1/incidents", headers=headers)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json()["detail"] == "POST is not taken at this address: GET is"


def test_a_body_that_is_not_sent_as_json_is_told_so(serve: Serve, token: Token) -> None:
    client, headers = serve(), token(Role.VIEWER)
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d sends
    told = client.post("/api/v1/predict", content='{"fail": []}', headers=form)
    assert (told.status_code, "Content-Type: application/json" in told.text) == (422, True)
    json_ = headers | {"Content-Type": "application/json"}
    cut = client.post("/api/v1/predict", content='{"fail": [', headers=json_).json()["detail"]
    assert cut == "body: not JSON: Expecting value, at character 10"
    text = client.post("/api/v1/predict", json={"fail": ["h1"]}, headers=headers).json()["detail"]
    assert text == "body.fail.0: must be an object"


def test_a_kind_that_there_is_not_is_refused_with_the_nearest(serve: Serve, token: Token) -> None:
    told = serve().get("/api/v1/entities?kind=Hosst", headers=token(Role.VIEWER))
    assert (told.status_code, "did you mean Host?" in told.text) == (400, True)


def test_pages_of_entities_meet_each_once(serve: Serve, token: Token) -> None:
    client, headers = serve(), token(Role.VIEWER)
    names, after = [], ""
    while True:
        page = client.get(f"/api/v1/entities?limit=4{after}", headers=headers).json()
        names += [row["name"] for row in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert sorted(names) == ["h1.dc1", "vmstore", "web-0", "web-1", "web-2", "web-3"]


def test_pages_of_plans_meet_each_once(
    serve: Serve, token: Token, incident: str, store: GraphStore
) -> None:
    (plan,) = store.plans()
    for number in range(4):
        store.save_plan(replace(plan, id=f"P-{number}"))
    client, headers = serve(), token(Role.VIEWER)
    met, path = [], f"/api/v1/plans?incident={incident}&limit=2"
    after: str | None = ""
    while after is not None:
        page = client.get(f"{path}&after={after}" if after else path, headers=headers).json()
        met += [row["id"] for row in page["items"]]
        after = page["next"]
    assert sorted(met) == sorted(["P-0", "P-1", "P-2", "P-3", plan.id])


def test_pages_of_incidents_end(serve: Serve, token: Token, incident: str) -> None:
    page = serve().get("/api/v1/incidents?limit=1", headers=token(Role.VIEWER)).json()
    assert ([row["id"] for row in page["items"]], page["next"]) == ([incident], None)


# The last holds a time, and half a character.
@pytest.mark.parametrize(
    "after",
    ["x", "W10", "WzEsIDJd", "WyJhIiwgImIiXQ", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsICJcdWQ4MDAiXQ"],
)
def test_a_cursor_that_is_none_is_refused(serve: Serve, token: Token, after: str) -> None:
    answer = serve().get(f"/api/v1/incidents?after={after}", headers=token(Role.VIEWER))
    assert answer.status_code == 400


def test_an_entity_is_shown_with_its_relations_history_and_impact(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    uid = store.locate("cmdb", "x")
    shown = client.get(f"/api/v1/entities/{uid}", headers=headers).json()
    assert {row["title"] for row in shown["neededBy"]} == {
        f"VirtualMachine web-{n}" for n in range(4)
    }
    past = client.get(f"/api/v1/entities/{uid}/history", headers=headers).json()
    assert past["events"][0]["what"] == "discovered"
    impact = client.get(f"/api/v1/entities/{uid}/impact", headers=headers).json()
    assert [row["hops"] for row in impact["items"]] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "path",
    ["incidents/INC-9", "incidents/INC-9/report", "entities/e", "entities/e/history", "plans/P-9"],
)
def test_what_is_not_there_is_not_found(serve: Serve, token: Token, path: str) -> None:
    assert serve().get(f"/api/v1/{path}", headers=token(Role.VIEWER)).status_code == 404


def _with_means(store: GraphStore, incident: str) -> str:
    """Let every step of an incident's plan be one that kgraph can carry out; return its id."""
    record = store.plans(incident=incident)[0]
    document = parse_plan(record.document, where="")
    steps = tuple(replace(step, actor=Actor.KGRAPH, unable="") for step in document.plan.steps)
    able = replace(document, plan=replace(document.plan, steps=steps))
    store.save_plan(replace(record, document=plan_text(able)))
    return record.id


def test_a_plan_with_a_step_that_nobody_can_carry_out_is_not_approved(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    plan = store.plans(incident=incident)[0].id
    answer = serve().post(f"/api/v1/plans/{plan}/approve", headers=token(Role.OPERATOR))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert detail.startswith(f"plan {plan} cannot be carried out here: step 1, ")
    assert "StorageExport vmstore: no way to act" in detail
    shown = serve().get(f"/api/v1/plans/{plan}", headers=token(Role.VIEWER)).json()
    said = {name: shown[name] for name in ("executable", "stands", "risk", "durationSeconds")}
    assert said == {
        "executable": False,
        "stands": "suggest only: no way to act",
        "risk": "low",
        "durationSeconds": 14.0,  # 12 on the export, and four guests of 2 side by side
    }
    assert "\n" not in detail
    record = store.plan(plan)
    assert record is not None
    assert record.state is PlanState.PROPOSED


WRITES = (
    ("POST", "incidents/{incident}/verdicts", Role.RESPONDER),
    ("PUT", "incidents/{incident}/acknowledgement", Role.RESPONDER),
    ("POST", "incidents/{incident}/close", Role.RESPONDER),
    ("POST", "incidents/{incident}/split", Role.RESPONDER),
    ("POST", "plans/{plan}/approve", Role.OPERATOR),
    ("POST", "plans/{plan}/reject", Role.OPERATOR),
    ("PUT", "halt", Role.OPERATOR),
    ("POST", "dead-letters/none/retry", Role.OPERATOR),
    ("DELETE", "dead-letters/none", Role.OPERATOR),
    ("DELETE", "halt", Role.ADMIN),
)


def _written(store: GraphStore, incident: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the path to write to, and what is written there."""
    path = path.format(incident=incident, plan=_with_means(store, incident))
    said: dict[str, Any] = {
        "said": "confirmed",
        "entity": store.locate("cmdb", "x"),
        "reason": "so",
        "entities": [store.locate("cmdb", "v3")],
        "note": "so",
    }
    keys = {"verdicts": ("said", "entity"), "reject": ("reason",), "halt": ("reason",)}
    keys |= {"acknowledgement": ("note",), "close": ("reason",), "split": ("entities",)}
    return path, {key: said[key] for key in keys.get(path.rpartition("/")[2], ())}


@pytest.mark.parametrize(
    ("role", "written"),
    [(role, written) for written in WRITES for role in Role if role.may(written[2])],
)
def test_each_role_writes_what_it_may(
    serve: Serve,
    token: Token,
    store: GraphStore,
    incident: str,
    role: Role,
    written: tuple[str, str, Role],
) -> None:
    path, body = _written(store, incident, written[1])
    answer = serve().request(written[0], f"/api/v1/{path}", json=body, headers=token(role))
    # What may be done is done; of dead letters there are none.
    allowed = {404} if "none" in path else {200, 201}
    assert answer.status_code in allowed, answer.text


@pytest.mark.parametrize("written", WRITES)
def test_no_role_writes_what_it_may_not(
    serve: Serve,
    token: Token,
    store: GraphStore,
    incident: str,
    written: tuple[str, str, Role],
) -> None:
    method, path, needed = written
    path, body = _written(store, incident, path)

    def kept() -> object:
        return store.incidents(), store.plans(), store.rulings(), store.halted()

    before, client = kept(), serve()
    for role in (role for role in Role if not role.may(needed)):
        answer = client.request(method, f"/api/v1/{path}", json=body, headers=token(role))
        assert answer.status_code == 403, (role, answer.text)
    assert kept() == before


def test_a_plan_is_approved_once_by_an_operator_and_the_audit_says_by_whom(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    client = serve()
    plan = _with_means(store, incident)
    path = f"/api/v1/plans/{plan}/approve"
    for role in (Role.HOOK, Role.VIEWER, Role.RESPONDER):
        assert client.post(path, headers=token(role)).status_code == 403
    yes = client.post(path, headers=token(Role.OPERATOR))
    assert yes.json()["state"] == "approved"
    assert client.post(path, headers=token(Role.OPERATOR)).status_code == 409
    rows = client.get("/api/v1/audit", headers=token(Role.ADMIN)).json()["items"]
    assert [(row["what"], row["of"], row["outcome"][:7]) for row in rows] == [
        ("plan.approve", plan, "refused"),
        ("plan.approve", plan, "done"),
    ]
    assert all(row["who"].startswith("operator (") for row in rows)


def test_a_rejected_plan_does_not_come_back(
    serve: Serve,
    token: Token,
    store: GraphStore,
    incident: str,
    configured: Callable[[str], Configuration],
) -> None:
    plan = store.plans(incident=incident)[0].id
    no = {"reason": "the export is being moved"}
    answer = serve().post(f"/api/v1/plans/{plan}/reject", json=no, headers=token(Role.OPERATOR))
    assert answer.json()["because"].endswith(": the export is being moved")
    later = T0 + timedelta(minutes=1)
    tools = replace(toolkit(configured(""), later), now=later)
    save(store, sort(store, of_store(store, tools)))
    record = store.plan(plan)
    assert record is not None
    assert record.state is PlanState.SUPERSEDED


def test_a_plan_under_way_is_cancelled_by_an_operator_and_no_other_plan_is(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    client, record = serve(), store.plans(incident=incident)[0]
    path, why = f"/api/v1/plans/{record.id}/cancel", {"reason": "I am at it"}
    assert client.post(path, json=why, headers=token(Role.RESPONDER)).status_code == 403
    assert client.post(path, json=why, headers=token(Role.OPERATOR)).status_code == 409
    store.save_plan(replace(record, state=PlanState.RUNNING))
    assert client.post(path, json=why, headers=token(Role.OPERATOR)).status_code == 200
    (said,) = store.named(Drawer.CANCELLED, [record.id])
    assert json.loads(said.body)["why"] == "I am at it"


def test_a_cause_is_confirmed_and_shown_so(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    client, uid = serve(), store.locate("cmdb", "x")
    said = {"said": "confirmed", "entity": uid, "note": "disk was full"}
    path = f"/api/v1/incidents/{incident}"
    answer = client.post(f"{path}/verdicts", json=said, headers=token(Role.OPERATOR))
    assert answer.status_code == 201
    shown = client.get(path, headers=token(Role.VIEWER)).json()["verdicts"]
    assert [(row["said"], row["entity"], row["note"]) for row in shown] == [
        ("confirmed", uid, "disk was full")
    ]
    (ruling,) = store.rulings()
    assert (ruling.entity, ruling.right, ruling.incident) == (uid, True, incident)


def test_a_word_on_what_is_not_in_the_incident_is_refused(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    said = {"said": "confirmed", "entity": "nobody"}
    path = f"/api/v1/incidents/{incident}/verdicts"
    answer = serve().post(path, json=said, headers=token(Role.OPERATOR))
    assert answer.status_code == 409
    assert "no entity 'nobody'" in answer.text
    assert store.rulings() == []


def test_the_kill_switch_is_thrown_by_an_operator_and_lifted_by_an_admin(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client = serve()
    thrown = client.request(
        "PUT", "/api/v1/halt", json={"reason": "fire"}, headers=token(Role.OPERATOR)
    )
    assert thrown.json()["halted"] is True
    assert store.halted() is not None
    assert (
        client.request("DELETE", "/api/v1/halt", headers=token(Role.OPERATOR)).status_code == 403
    )
    lifted = client.request("DELETE", "/api/v1/halt", headers=token(Role.ADMIN))
    assert lifted.json()["halted"] is False


def test_dead_letters_are_listed_tried_again_and_forgotten(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    body = {"outbox": {"receiver": "pager", "incident": "INC-1", "tries": 9}, "because": "gone"}
    names = ["outbox pager 1 INC-1", "outbox pager 2 INC-2"]
    store.put(Document(Drawer.DEAD, name, T0, json.dumps(body)) for name in names)
    client, headers = serve(), token(Role.OPERATOR)
    listed = client.get("/api/v1/dead-letters", headers=headers).json()["items"]
    assert [(row["kind"], row["name"], row["because"]) for row in listed] == [
        ("outbox", "pager", "gone")
    ] * 2
    path = "/api/v1/dead-letters/"
    assert client.post(f"{path}{names[0]}/retry", headers=headers).status_code == 204
    assert client.request("DELETE", f"{path}{names[1]}", headers=headers).status_code == 204
    assert client.post(f"{path}{names[1]}/retry", headers=headers).status_code == 404
    (again,) = store.documents(Drawer.OUTBOX)
    assert (again.id, json.loads(again.body)["tries"]) == ("pager 1 INC-1", 0)
    assert store.count(Drawer.DEAD) == 0


def test_a_stale_source_is_shown_as_stale(serve: Serve, token: Token) -> None:
    client = serve(clock=lambda: T0 + timedelta(days=2))
    (row,) = client.get("/api/v1/sources", headers=token(Role.VIEWER)).json()
    assert (row["stale"], row["ageSeconds"], row["records"]) == (True, 172_800, 6)


def test_metrics_are_of_the_store_and_of_the_requests(
    serve: Serve, token: Token, incident: str
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    client.get(f"/api/v1/incidents/{incident}", headers=headers)
    told = client.get("/metrics", headers=headers).text
    assert 'kgraph_incidents{status="open"} 1.0' in told
    route = 'method="GET",route="/incidents/{incident_id}",status="200"'
    assert f"kgraph_http_requests_total{{{route}}} 1.0" in told
    assert incident not in told
    assert told.endswith("# EOF\n")


def test_metrics_hold_what_people_confirm_against_what_was_said(
    serve: Serve, token: Token, incident: str
) -> None:
    client, headers = serve(), token(Role.RESPONDER)
    path = f"/api/v1/incidents/{incident}"
    (cause, *_) = client.get(path, headers=headers).json()["answer"]["causes"]
    assert "kgraph_judged_causes_expected 0.0" in client.get("/metrics", headers=headers).text
    said = {"said": "refuted", "entity": cause["entity"]}
    assert client.post(f"{path}/verdicts", json=said, headers=headers).status_code == 201
    told = client.get("/metrics", headers=headers).text
    assert 'kgraph_judged_causes{said="confirmed"} 0.0' in told
    assert 'kgraph_judged_causes{said="refuted"} 1.0' in told
    assert f"kgraph_judged_causes_expected {cause['posterior']}" in told


def test_every_answer_forbids_everything_that_a_page_could_load(serve: Serve) -> None:
    for path in ("/healthz", "/nothing", "/api/v1/incidents"):
        headers = serve().get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"


def test_without_authentication_only_loopback_names_and_no_other_page_get_in(
    serve: Serve,
) -> None:
    client = serve('[server]\nauthentication = "none"\n')
    assert client.get("/api/v1/incidents").status_code == 200
    for host in ("127.0.0.2:8080", "[::1]:8080", "localhost"):  # whatever it listens on
        assert client.get("/api/v1/incidents", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1"):
        assert client.get("/api/v1/incidents", headers={"Host": host}).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    put = client.request("PUT", "/api/v1/halt", json={}, headers=cross)
    assert put.status_code == 403
    # A browser that says no more than the origin, and may send a form without asking.
    for origin in ("http://evil.example", "http://127.0.0.1:3000", "null"):
        form = client.post("/api/v1/plans/none/approve", headers={"Origin": origin})
        assert form.status_code == 403, origin
    ours = client.post("/api/v1/plans/none/approve", headers={"Origin": "http://127.0.0.1"})
    assert ours.status_code == 404


def test_a_page_of_ours_behind_a_proxy_may_write_if_the_browser_says_whose_it_is(
    serve: Serve,
) -> None:
    client = serve('[server]\nauthentication = "none"\n')
    page = {"Origin": "https://kgraph.example", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/plans/none/approve", headers=page).status_code == 404


def test_a_store_that_cannot_be_read_is_told_by_readiness_alone(
    serve: Serve, folder: Path
) -> None:
    client = serve()
    assert client.get("/readyz").json()["ready"] is True
    broken = serve()
    (folder / "kgraph.db").unlink()
    answer = broken.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert broken.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        ({"alive": False, "leading": True, "stuck": True}, (503, "dead")),
        ({"stuck": True}, (503, "stuck")),
        ({"leading": True}, (200, "leading")),
        ({}, (200, "waiting")),
    ],
)
def test_readiness_says_how_the_loop_stands(
    serve: Serve, stands: dict[str, bool], said: tuple[int, str]
) -> None:
    usual = {"alive": True, "leading": False, "stuck": False, "held_up": False}
    answer = serve(watching=SimpleNamespace(**(usual | stands))).get("/readyz")
    assert (answer.status_code, answer.json()["watch"]) == said


def test_a_loop_that_does_not_come_round_is_stuck_and_one_that_waits_is_not(
    configured: Callable[[str], Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("kgraph.server.watching.monotonic", lambda: now)
    watch = WatchThread(configured(""), (), Metrics(), lambda: None)
    assert not watch.stuck  # the store is waited for
    loop: Any = SimpleNamespace(waiting=False)
    watch._watch = loop
    watch._assessed(T0, ())
    now += 119
    assert not watch.stuck
    now += 2
    assert watch.stuck
    loop.waiting = True
    assert not watch.stuck
    # The process that was the watch has died, and the first round has just begun.
    loop.waiting = False
    watch._tell(Told(T0, What.STARTED, "watching"))
    assert not watch.stuck


def test_a_source_that_failed_before_is_not_called_failing_by_the_next_watch(
    configured: Callable[[str], Configuration],
) -> None:
    """It may be back by then, and nobody would tell: the next one has not seen it fail."""
    for begins in (What.STARTED, What.WAITING):
        metrics = Metrics()
        watch = WatchThread(configured(""), (), metrics, lambda: None)
        watch._tell(Told(T0, What.SOURCE_FAILED, "away", {"source": "cmdb"}))
        assert b'kgraph_source_failing{source="cmdb"} 1.0' in metrics.text()[0]
        watch._tell(Told(T0, begins, ""))
        assert b"kgraph_source_failing{" not in metrics.text()[0]


def test_a_watch_waits_for_room_on_a_full_disk(
    serve: Serve, configured: Callable[[str], Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes on answering; it begins anew once there is some."""
    ended: list[str] = []
    watch = WatchThread(configured(""), (), Metrics(), lambda: ended.append("ended"))
    looks = iter([StoreFullError("the store cannot grow"), None])
    client = serve(watching=watch)
    said = []

    def run(_watch: object, _stopping: threading.Event) -> None:
        said.append(client.get("/readyz"))
        error = next(looks)
        if error is not None:
            raise error
        watch._tell(Told(T0, What.STARTED, "watching"))
        said.append(client.get("/readyz"))
        watch._stopping.set()

    monkeypatch.setattr("kgraph.server.watching._AGAIN_AFTER", 0.0)
    monkeypatch.setattr("kgraph.app.watch.loop.Watch.run", run)
    watch.start()
    watch._thread.join()
    watch.stop()
    assert (watch.failure, ended, list(looks)) == ("", [], [])
    # Whoever looks meanwhile is answered, and told.
    assert [answer.status_code for answer in said] == [200] * 3
    assert [answer.json()["watch"] for answer in said] == ["waiting", "held_up", "waiting"]
    assert [bool(answer.json()["store"]) for answer in said] == [False, True, False]


def test_a_fault_of_the_program_is_one_line_without_its_inside(
    serve: Serve, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, headers = serve(), token(Role.VIEWER)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("kgraph.server.routes.entities.edges", broken)
    uid = client.get("/api/v1/entities", headers=headers).json()["items"][0]["uid"]
    answer = client.get(f"/api/v1/entities/{uid}", headers=headers)
    assert answer.status_code == 500
    assert "the inside" not in answer.text


def test_who_would_be_hit_is_told_and_a_mode_that_there_is_not_refused(
    serve: Serve, token: Token, store: GraphStore
) -> None:
    client, headers = serve(), token(Role.VIEWER)
    uid = store.locate("cmdb", "h1")
    asked = {"fail": [{"entity": uid, "mode": "down"}]}
    told = client.post("/api/v1/predict", json=asked, headers=headers).json()
    assert {row["name"] for row in told["hits"]} >= {f"web-{n}" for n in range(4)}
    wrong = {"fail": [{"entity": uid, "mode": "sad"}]}
    answer = client.post("/api/v1/predict", json=wrong, headers=headers)
    assert (answer.status_code, "no failure mode 'sad'" in answer.text) == (400, True)


def test_who_has_an_incident_is_shown_wherever_it_is_listed(
    serve: Serve, token: Token, incident: str
) -> None:
    client, ada, look = serve(), token(Role.RESPONDER), token(Role.VIEWER)
    path = f"/api/v1/incidents/{incident}"
    said = client.request("PUT", f"{path}/acknowledgement", json={"note": "at stor1"}, headers=ada)
    assert (said.status_code, said.json()["did"]) == (200, "acknowledged")
    for shown in (
        client.get(path, headers=look).json(),
        client.get(f"{path}/view", headers=look).json(),
        client.get("/api/v1/incidents", headers=look).json()["items"][0],
        client.get("/api/v1/board", headers=look).json()["items"][0],
    ):
        assert shown["acknowledged"]["by"].startswith("responder (")
        assert shown["acknowledged"]["note"] == "at stor1"
    report = client.get(f"{path}/report", headers=look).json()
    assert report["sections"][0]["label"] == "WHO"
    times = client.get(f"{path}/view", headers=look).json()["timeline"]
    assert [row["what"].endswith("acknowledges it: at stor1") for row in times if row["deed"]]
    back = client.request("DELETE", f"{path}/acknowledgement", headers=ada)
    assert back.json()["did"] == "withdrawn"
    assert client.get(path, headers=look).json()["acknowledged"] is None
    again = client.request("DELETE", f"{path}/acknowledgement", headers=ada)
    assert again.status_code == 409
    rows = client.get("/api/v1/audit", headers=token(Role.ADMIN)).json()["items"]
    assert [(row["what"], row["outcome"][:7]) for row in rows] == [
        ("incident.withdraw", "refused"),
        ("incident.withdraw", "done"),
        ("incident.acknowledge", "done"),
    ]


def test_an_incident_is_split_merged_again_and_closed(
    serve: Serve, token: Token, store: GraphStore, incident: str
) -> None:
    client, headers = serve(), token(Role.RESPONDER)
    asked = {"entities": ["VirtualMachine/web-3"], "note": "its own disk"}
    path = f"/api/v1/incidents/{incident}"
    made = client.post(f"{path}/split", json=asked, headers=headers)
    assert made.status_code == 201
    fresh = made.json()["other"]
    assert (fresh, made.json()["names"]) == ("INC-0002", ["VirtualMachine web-3"])
    shown = client.get(f"/api/v1/incidents/{fresh}/view", headers=headers).json()
    assert [row["title"] for row in shown["hurt"]] == ["VirtualMachine web-3"]
    itself = {"into": fresh}
    same = client.post(f"/api/v1/incidents/{fresh}/merge", json=itself, headers=headers)
    assert same.status_code == 409
    back = client.post(
        f"/api/v1/incidents/{fresh}/merge", json={"into": incident}, headers=headers
    )
    assert back.json()["line"].endswith(f"merges it into {incident}")
    assert len(client.get(f"{path}/view", headers=headers).json()["hurt"]) == 4
    none = client.post(f"{path}/merge", json={"into": "INC-9"}, headers=headers)
    assert none.status_code == 404
    empty = client.post(f"{path}/close", json={"reason": " "}, headers=headers)
    assert empty.status_code == 422
    over = client.post(f"{path}/close", json={"reason": "planned"}, headers=headers)
    assert over.status_code == 200
    record = store.incident(incident)
    assert record is not None
    assert record.status.value == "closed"
    assert client.post(f"{path}/close", json={"reason": "so"}, headers=headers).status_code == 409


def test_an_approval_does_not_count_once_what_the_plan_stands_on_is_another_thing(
    serve: Serve,
    token: Token,
    store: GraphStore,
    incident: str,
    configured: Callable[[str], Configuration],
) -> None:
    plan, binding = _with_means(store, incident), Binding.of(configured(""))
    path = f"/api/v1/plans/{plan}/approve"
    assert serve().post(path, headers=token(Role.OPERATOR)).status_code == 200
    record = store.plan(plan)
    assert record is not None
    document = parse_plan(record.document, where="")
    assert document.bound == binding.digest(document.plan, store.graph())
    assert binding.void(document, store.graph()) == ""
    moved = [row for row in ESTATE if row != RelationRecord("v0", "STORED_ON", "x")]
    with store.sync("cmdb", "", complete=True, at=T0 + timedelta(minutes=1)) as run:
        run.stage(moved)
        run.commit()
    assert "approve again" in binding.void(document, store.graph())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("entities?name=web", "'name': no such parameter; there is after, kind, limit, text"),
        ("incidents?statsu=open", "'statsu': no such parameter; did you mean status?"),
        ("entities/x?depth=2", "'depth': no such parameter; there is none here"),
    ],
)
def test_a_filter_that_nobody_knows_is_refused_as_the_whole_list_is_not_what_was_asked_for(
    serve: Serve, token: Token, path: str, told: str
) -> None:
    client = serve()
    answer = client.get(f"/api/v1/{path}", headers=token(Role.VIEWER))
    assert (answer.status_code, told in answer.json()["detail"]) == (422, True), answer.text
    assert client.get(f"/api/v1/{path}").status_code == 401


def test_who_scrapes_may_say_the_same_to_all_that_is_scraped(serve: Serve, token: Token) -> None:
    client = serve()
    answer = client.get("/metrics?x=&collect[]=cpu", headers=token(Role.VIEWER))
    assert answer.status_code == 200, answer.text
    assert answer.text.endswith("# EOF\n")
    assert client.get("/metrics?x=").status_code == 401
