"""Notices: what is news, and the same in the form that each receiver speaks."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kgraph.incidents import messages, template
from kgraph.incidents.notice import FORMAT, News, Notice, notice
from kgraph.schema import (
    ConfigurationError,
    Fault,
    IncidentRecord,
    IncidentStatus,
    Plan,
    PlanStep,
)

T0 = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ANSWER: dict[str, Any] = {
    "causes": [
        {
            "entity": "x",
            "kind": "StorageExport",
            "mode": "down",
            "posterior": 0.93,
            "explains": 1,
            "supporting": [{"entity": "v1", "signal": "paused", "state": "abnormal"}],
            "contradicting": [],
        }
    ],
    "hypotheses": [{"members": [{"entity": "x", "mode": "down"}], "posterior": 0.93}],
    "abstained": False,
    "abstainedBecause": None,
    "blastRadius": {
        "now": [
            {"entity": "v1", "mode": "paused", "probability": 0.9, "hops": 1},
        ],
        "next": [{"entity": "s", "mode": "failing", "probability": 0.3, "hops": 2}],
        "redundancyLost": [],
    },
    "nextChecks": [{"entity": "x", "command": "nbdinfo --list nbd://stor1", "signal": "down"}],
    "warnings": [],
    "entities": [
        {"uid": "x", "kind": "StorageExport", "name": "vmstore <1> & co"},
        {"uid": "v1", "kind": "VirtualMachine", "name": "web-1"},
        {"uid": "s", "kind": "Service", "name": "shop"},
    ],
}
RECORD = IncidentRecord(
    "INC-0001", IncidentStatus.OPEN, T0, T0 + timedelta(minutes=1), "1 guest paused", "{}", ""
)
PLAN = Plan(
    "P-1",
    "INC-0001",
    Fault("x", "down"),
    (PlanStep("restart_unit", "x", kind="StorageExport", name="vmstore"),),
)


def told(status: IncidentStatus = IncidentStatus.OPEN, **changes: Any) -> Notice:
    answer = json.dumps(ANSWER | changes)
    record = replace(RECORD, status=status, answer=answer)
    return notice(record, PLAN, "https://kgraph.example/")


def test_a_notice_names_the_cause_the_evidence_the_plan_and_where_to_look() -> None:
    document = told().document
    assert (document["format"], document["level"]) == (FORMAT, "error")
    assert document["text"]["cause"] == "StorageExport vmstore <1> & co down, P .93"
    assert document["evidence"] == ["VirtualMachine web-1 paused"]
    assert document["text"]["opened"].endswith(":00Z")
    assert document["plan"]["steps"] == ["restart unit StorageExport vmstore"]
    assert document["url"] == "https://kgraph.example/incidents/INC-0001"


def test_who_is_not_sure_enough_to_be_acted_on_is_told_as_a_suspect() -> None:
    weak = [ANSWER["causes"][0] | {"posterior": 0.16}]
    assert told(causes=weak).document["text"]["cause"] == (
        "only suspected: StorageExport vmstore <1> & co down, P .16"
    )


@pytest.mark.parametrize(("weight", "first"), [(9, "x"), (1, "v1"), (2, "v1")])
def test_the_headline_is_that_of_the_screen(weight: int, first: str) -> None:
    export = ANSWER["causes"][0] | {"posterior": 0.5, "explains": weight}
    guest = export | {"entity": "v1", "explains": 2}
    both = [{"entity": "v1", "mode": "down"}, {"entity": "x", "mode": "down"}]
    sets = [{"members": both, "posterior": 0.5}]
    document = told(causes=[export, guest], hypotheses=sets).document
    assert document["causes"][0]["entity"] == first


def test_a_message_that_would_read_like_the_last_one_says_why_it_is_sent() -> None:
    said = {
        news: told().saying(news).document["text"]["summary"]
        for news in (News.CHANGED, News.REOPENED, News.REMINDER)
    }
    assert said == {
        News.CHANGED: "INC-0001 error: 1 guest paused",
        News.REOPENED: "INC-0001 is back, error: 1 guest paused",
        News.REMINDER: "INC-0001 is still there, error: 1 guest paused",
    }


def test_what_the_evidence_lacks_is_told_once() -> None:
    answer = json.dumps(ANSWER | {"warnings": ["7 alerts are missing"]})
    found = notice(replace(RECORD, answer=answer), None, "", ["7 alerts are missing"])
    assert found.document["warnings"] == ["7 alerts are missing"]


def test_who_is_likeliest_is_told_where_no_set_of_faults_is() -> None:
    document = told(hypotheses=[{"members": [], "posterior": 0.6}]).document
    assert [row["entity"] for row in document["causes"]] == ["x"]


def test_what_is_hit_is_counted_by_kind_and_who_else_it_may_be_is_named() -> None:
    found = told()
    assert found.document["text"]["hit"] == "1 VM hit"
    rival = ANSWER["causes"][0] | {"entity": "v1", "mode": "hung", "posterior": 0.3}
    causes = [ANSWER["causes"][0] | {"posterior": 0.6}, rival]
    cause = told(causes=causes).document["text"]["cause"]
    assert cause.endswith("down, P .60 (else VirtualMachine web-1 hung, P .30)")
    causes[1] = rival | {"posterior": 0.1}
    assert "else" not in told(causes=causes).document["text"]["cause"]


def test_a_plan_is_told_in_the_words_of_the_screen_with_where_a_person_begins() -> None:
    asked = PlanStep(
        "ask",
        "x",
        kind="StorageExport",
        name="vmstore",
        actuator="notify",
        parameters={"what": "make room"},
    )
    plan = replace(PLAN, steps=(asked,), runbook=("look at its log", "then at its disk"))
    record = replace(RECORD, answer=json.dumps(ANSWER))
    text = notice(record, plan, "").document["text"]["plan"]
    assert text == (
        "P-1 (risk low): a person: make room: StorageExport vmstore; first: look at its log"
    )


def test_a_mail_has_times_that_a_person_reads() -> None:
    _, opened = messages.email(told().document)
    assert opened.splitlines()[1] == "opened 2026-11-23 04:00:00Z"
    _, over = messages.email(told(IncidentStatus.CLOSED).document)
    assert over.splitlines()[1] == "opened 2026-11-23 04:00:00Z, over 2026-11-23 04:01:00Z"


def test_the_evidence_is_that_of_the_headline_and_not_of_what_happens_to_come_first() -> None:
    beside = ANSWER["causes"][0] | {"entity": "v1", "mode": "hung", "explains": 0}
    beside |= {"supporting": [{"entity": "s", "signal": "slow", "state": "abnormal"}]}
    members = [{"entity": "v1", "mode": "hung"}, {"entity": "x", "mode": "down"}]
    both = [{"members": members, "posterior": 0.9}]
    document = told(causes=[beside, *ANSWER["causes"]], hypotheses=both).document
    assert [row["entity"] for row in document["causes"]] == ["x", "v1"]
    assert document["evidence"] == ["VirtualMachine web-1 paused"]


@pytest.mark.parametrize("kind", ["Service", "Application"])
def test_what_somebody_waits_for_makes_it_critical(kind: str) -> None:
    radius = deepcopy(ANSWER["blastRadius"])
    radius["now"].append({"entity": "s", "mode": "failing", "probability": 0.8, "hops": 2})
    entities = [*ANSWER["entities"][:2], {"uid": "s", "kind": kind, "name": "shop"}]
    found = told(blastRadius=radius, entities=entities)
    assert (found.level, found.document["hit"]["services"]) == ("critical", [f"{kind} shop"])


def alarming(entity: str, **changes: Any) -> dict[str, Any]:
    seen = {"entity": entity, "signal": "errors", "state": "abnormal"} | changes
    return ANSWER["causes"][0] | {"entity": entity, "mode": "failing", "supporting": [seen]}


def test_a_service_that_is_itself_to_blame_is_hit_all_the_same() -> None:
    best = [{"members": [{"entity": "s", "mode": "failing"}], "posterior": 0.9}]
    nobody = {"now": [], "next": [], "redundancyLost": []}
    found = told(causes=[alarming("s")], hypotheses=best, blastRadius=nobody)
    assert (found.level, found.document["text"]["hit"]) == (
        "critical",
        "1 service hit: Service shop",
    )


def test_where_nobody_is_blamed_those_that_alarm_are_hit() -> None:
    nobody = {"now": [], "next": [], "redundancyLost": []}
    unknown: dict[str, Any] = {"abstained": True, "hypotheses": [], "blastRadius": nobody}
    guests = [alarming("v1"), alarming("x")]
    assert told(causes=guests, **unknown).level == "error"
    assert told(causes=guests[:1], **unknown).level == "warning"  # it may be the cause itself
    assert told(causes=[*guests, alarming("s")], **unknown).level == "critical"


def test_what_is_only_foreseen_has_hit_nobody_yet() -> None:
    soon = alarming("s", dueAt="2026-11-24T04:00:00Z")
    best = [{"members": [{"entity": "s", "mode": "failing"}], "posterior": 0.9}]
    nobody = {"now": [], "next": [], "redundancyLost": []}
    assert told(causes=[soon], hypotheses=best, blastRadius=nobody).level == "warning"


def test_more_of_the_same_is_no_news_but_another_cause_is() -> None:
    louder = deepcopy(ANSWER["causes"])
    louder[0]["posterior"] = 0.95
    louder[0]["supporting"] *= 3
    assert told(causes=louder).meaning == told().meaning
    other = [{"members": [{"entity": "v1", "mode": "hung"}], "posterior": 0.9}]
    guest = ANSWER["causes"][0] | {"entity": "v1", "mode": "hung"}
    assert told(hypotheses=other, causes=[guest]).meaning != told().meaning


def test_resolved_and_closed_mean_the_same_and_no_longer_propose_anything() -> None:
    resolved, closed = told(IncidentStatus.RESOLVED), told(IncidentStatus.CLOSED)
    assert resolved.meaning == closed.meaning != told().meaning
    assert (resolved.level, resolved.document["plan"]) == ("clear", None)


def test_an_incident_without_a_cause_says_why() -> None:
    found = told(abstained=True, abstainedBecause="the evidence fits nothing known")
    assert found.document["text"]["cause"] == "no cause found: the evidence fits nothing known"


@pytest.mark.parametrize("name", template.SHIPPED)
@pytest.mark.parametrize("status", list(IncidentStatus))
def test_every_shipped_template_fills_in_whatever_the_incident_s_state(
    name: str, status: IncidentStatus
) -> None:
    for document in (told(status).document, told(status, abstained=True, causes=[]).document):
        filled = json.dumps(template.render(template.shipped(name), document))
        assert not re.search(r"\{(text|words|plan)\.", filled)


def rendered(name: str, status: IncidentStatus = IncidentStatus.OPEN, **changes: Any) -> Any:
    return template.render(template.shipped(name), told(status, **changes).document)


def test_no_name_becomes_a_link_in_teams_that_leads_elsewhere() -> None:
    """Its cards read Markdown: what is shown as the plan's address could lead anywhere."""
    link = "[https://kgraph.example](https://evil.example)"
    filled = json.dumps(rendered("teams", abstained=True, abstainedBecause=link, causes=[]))
    assert "[https://kgraph.example] (https://evil.example)" in filled
    assert "](" not in filled


def test_slack_s_reserved_characters_are_written_out_and_its_limits_kept() -> None:
    long = deepcopy(ANSWER["causes"])
    long[0]["supporting"] = [
        {"entity": "v1", "signal": "s" * 900, "state": "abnormal"} for _ in range(9)
    ]
    sent = rendered("slack", causes=long)
    blocks = sent["attachments"][0]["blocks"]
    assert "vmstore &lt;1&gt; &amp; co" in blocks[1]["text"]["text"]
    assert len(blocks[0]["text"]["text"]) <= 150
    assert all(len(field["text"]) <= 2000 for field in blocks[2]["fields"])


def test_teams_gets_an_adaptive_card() -> None:
    (attachment,) = rendered("teams")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    facts = {row["title"]: row["value"] for row in attachment["content"]["body"][1]["facts"]}
    assert facts["Plan"] == "P-1 (risk low): restart unit StorageExport vmstore"


@pytest.mark.parametrize("name", ["slack", "teams", "servicenow", "plain"])
def test_who_reads_is_told_what_the_evidence_lacks(name: str) -> None:
    sent = json.dumps(rendered(name, warnings=["the sender left out 7 alerts"]))
    assert "left out 7 alerts" in sent


def test_servicenow_gets_json_in_a_text_and_a_severity_that_closes() -> None:
    (row,) = rendered("servicenow")["records"]
    assert (row["message_key"], row["severity"]) == ("INC-0001", "2")
    assert json.loads(row["additional_info"])["check"] == (
        "nbdinfo --list nbd://stor1 (StorageExport vmstore <1> & co)"
    )
    (end,) = rendered("servicenow", IncidentStatus.RESOLVED)["records"]
    assert end["severity"] == "0"


def test_keep_gets_its_own_words() -> None:
    assert rendered("keep")["status"] == "firing"
    end = rendered("keep", IncidentStatus.CLOSED)
    assert (end["status"], end["fingerprint"]) == ("resolved", "INC-0001")


def test_the_plain_template_is_the_notice_itself() -> None:
    document = told().document
    assert rendered("plain") == {k: v for k, v in document.items() if k not in {"format", "text"}}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("format: kgraph.template/v1", "no template"),
        ("- 1", "no template"),
        ("{", "not YAML"),
        ("{format: kgraph.template/v1, body: '{title|shout}'}", "no filter 'shout'"),
        ("{format: kgraph.template/v1, body: '{words.level}'}", "words.level has no entry"),
    ],
)
def test_a_template_that_is_none_is_told(text: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        template.parse(text, where="t.yaml")


def test_a_place_that_no_notice_has_is_told() -> None:
    made = template.parse("{format: kgraph.template/v1, body: '{nothing}'}", where="t.yaml")
    with pytest.raises(ConfigurationError, match="a notice has no 'nothing'"):
        template.render(made, told().document)


def test_double_braces_are_braces() -> None:
    made = template.parse("{format: kgraph.template/v1, body: '{{{incident}}}'}", where="t")
    assert template.render(made, told().document) == "{INC-0001}"


def test_pagerduty_s_limits_are_kept() -> None:
    document = dict(told(warnings=["w" * 600_000]).document)
    document["text"] = document["text"] | {"summary": "s" * 5_000}
    event = messages.pagerduty(document, "key")
    assert len(event["payload"]["summary"]) == 1_024
    assert len(json.dumps(event).encode()) <= 512_000
    assert (event["event_action"], event["dedup_key"]) == ("trigger", "kgraph-INC-0001")
    assert event["payload"]["severity"] == "error"


def test_a_cloudevent_carries_the_incident_as_its_correlation() -> None:
    event = messages.cloudevent(told().document, "urn:kgraph", "m-1")
    assert (event["specversion"], event["correlationid"]) == ("1.0", "INC-0001")
    assert event["type"] == "kgraph.incident.open.v1"


def test_a_mail_reads_like_the_screen() -> None:
    subject, text = messages.email(told().document)
    assert subject == "INC-0001 error: 1 guest paused"
    assert "CAUSE    StorageExport vmstore <1> & co down, P .93\n" in text
