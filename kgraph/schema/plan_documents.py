"""`kgraph.plan/v1`: a plan and its runs as one JSON object.

Plans outlive the program that made them: unknown fields are passed over, and what is missing has
a default, so that an upgrade strands none that is under way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kgraph.schema.errors import InputError
from kgraph.schema.fields import refusal
from kgraph.schema.hypotheses import Fault
from kgraph.schema.plans import (
    Actor,
    Outcome,
    Plan,
    PlanDocument,
    PlanState,
    PlanStep,
    Risk,
    Role,
    Run,
    Sign,
    Terms,
)
from kgraph.schema.timestamps import format_time, parse_time

FORMAT = "kgraph.plan/v1"
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Time = Annotated[
    datetime, BeforeValidator(lambda said: parse_time(said) if isinstance(said, str) else said)
]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class _Terms(_Row):
    deadlineSeconds: _Seconds = 30  # noqa: N815 - the format's own spelling, here and below
    attempts: int = Field(default=1, ge=1)
    pauseSeconds: _Seconds = 0  # noqa: N815
    steadySeconds: _Seconds = 0  # noqa: N815
    repeatable: bool = False


class _Step(_Row):
    action: str
    entity: str
    parameters: dict[str, str] = {}
    risk: Risk = Risk.LOW
    inverse: str = ""
    durationSeconds: _Seconds = 0  # noqa: N815
    why: str = ""
    kind: str = ""
    name: str = ""
    role: Role = Role.CAUSE
    actor: Actor = Actor.NOBODY
    actuator: str = ""
    endpoint: str = ""
    unable: str = ""
    undoIf: list[str] = []  # noqa: N815
    undoEffect: str = ""  # noqa: N815
    preconditions: list[str] = []
    effect: str = ""
    awaits: list[Sign] = []
    terms: _Terms = _Terms()
    reach: list[str] = []


class _Fault(_Row):
    entity: str
    mode: str


class _Run(_Row):
    begunAt: _Time  # noqa: N815
    journalFrom: int = 0  # noqa: N815
    by: str = ""
    before: list[Sign] = []
    endedAt: _Time | None = None  # noqa: N815
    state: PlanState | None = None
    outcome: Outcome | None = None
    unseen: list[str] = []
    against: list[str] = []


class _Plan(_Row):
    format: Literal["kgraph.plan/v1"]
    id: str
    incident: str
    cause: _Fault
    steps: list[_Step]
    refused: list[str] = []
    runbook: list[str] = []
    title: str = ""
    because: str = ""
    symptoms: list[Sign] = []
    settleSeconds: _Seconds = 60  # noqa: N815
    reach: list[str] = []
    standsOn: dict[str, list[str]] = {}  # noqa: N815
    dueAt: _Time | None = None  # noqa: N815
    runs: list[_Run] = []
    bound: str = ""


def parse_plan(content: str | Mapping[str, Any], *, where: str) -> PlanDocument:
    """Read one plan.

    Raises:
        InputError: not JSON, or not the format; one line.
    """
    try:
        raw = json.loads(content) if isinstance(content, str) else content
        row = _Plan.model_validate(raw)
    except ValidationError as error:
        raise refusal(error, _Plan, where) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", where=where) from None
    plan = Plan(
        id=row.id,
        incident=row.incident,
        cause=Fault(row.cause.entity, row.cause.mode),
        steps=tuple(_step_in(step) for step in row.steps),
        refused=tuple(row.refused),
        title=row.title,
        because=row.because,
        symptoms=tuple(row.symptoms),
        settle=timedelta(seconds=row.settleSeconds),
        reach=tuple(row.reach),
        stands_on={uid: tuple(below) for uid, below in row.standsOn.items()},
        due_at=row.dueAt,
        runbook=tuple(row.runbook),
    )
    return PlanDocument(plan, tuple(_run_in(run) for run in row.runs), row.bound)


def dump_plan(document: PlanDocument) -> dict[str, Any]:
    """Return a plan ready for JSON; parsing it again gives the same."""
    content, steps = _content(document.plan), document.plan.steps
    rows = zip(content["steps"], steps, strict=True)
    content["steps"] = [{**row, "reach": list(step.reach)} for row, step in rows]
    return {
        "format": FORMAT,
        "id": document.plan.id,
        **content,
        "standsOn": {uid: list(below) for uid, below in document.plan.stands_on.items()},
        **({"dueAt": format_time(document.plan.due_at)} if document.plan.due_at else {}),
        "runs": [_run_out(run) for run in document.runs],
        **({"bound": document.bound} if document.bound else {}),
    }


def plan_text(document: PlanDocument) -> str:
    """Return the one line that a `PlanRecord` holds."""
    return json.dumps(dump_plan(document), ensure_ascii=False)


def identified(plan: Plan) -> Plan:
    """Name a plan by its content, so that the same plan has the same id."""
    text = json.dumps(_content(plan), ensure_ascii=False, sort_keys=True)
    return replace(plan, id="P-" + hashlib.sha256(text.encode()).hexdigest()[:6])


def _content(plan: Plan) -> dict[str, Any]:
    return {
        "incident": plan.incident,
        "cause": {"entity": plan.cause.entity, "mode": plan.cause.mode},
        "title": plan.title,
        "because": plan.because,
        "steps": [_step_out(step) for step in plan.steps],
        "refused": list(plan.refused),
        "symptoms": [list(sign) for sign in plan.symptoms],
        "settleSeconds": plan.settle.total_seconds(),
        "reach": list(plan.reach),
        **({"runbook": list(plan.runbook)} if plan.runbook else {}),
    }


def _step_out(step: PlanStep) -> dict[str, Any]:
    terms = step.terms
    return {
        "action": step.action,
        "entity": step.entity,
        "kind": step.kind,
        "name": step.name,
        "role": step.role.value,
        "actor": step.actor.value,
        "actuator": step.actuator,
        "endpoint": step.endpoint,
        "unable": step.unable,
        "parameters": dict(sorted(step.parameters.items())),
        "risk": step.risk.value,
        "inverse": step.inverse,
        "undoIf": list(step.undo_if),
        "undoEffect": step.undo_effect,
        "preconditions": list(step.preconditions),
        "effect": step.effect,
        "awaits": [list(sign) for sign in step.awaits],
        "durationSeconds": step.duration.total_seconds(),
        "why": step.why,
        "terms": {
            "deadlineSeconds": terms.deadline.total_seconds(),
            "attempts": terms.attempts,
            "pauseSeconds": terms.pause.total_seconds(),
            "steadySeconds": terms.steady.total_seconds(),
            "repeatable": terms.repeatable,
        },
    }


def _step_in(row: _Step) -> PlanStep:
    terms = row.terms
    return PlanStep(
        action=row.action,
        entity=row.entity,
        parameters=row.parameters,
        risk=row.risk,
        inverse=row.inverse,
        duration=timedelta(seconds=row.durationSeconds),
        why=row.why,
        kind=row.kind,
        name=row.name,
        role=row.role,
        actor=row.actor,
        actuator=row.actuator,
        endpoint=row.endpoint,
        unable=row.unable,
        undo_if=tuple(row.undoIf),
        undo_effect=row.undoEffect,
        preconditions=tuple(row.preconditions),
        effect=row.effect,
        awaits=tuple(row.awaits),
        terms=Terms(
            timedelta(seconds=terms.deadlineSeconds),
            terms.attempts,
            timedelta(seconds=terms.pauseSeconds),
            timedelta(seconds=terms.steadySeconds),
            terms.repeatable,
        ),
        reach=tuple(row.reach),
    )


def _run_out(run: Run) -> dict[str, Any]:
    return {
        "begunAt": format_time(run.begun_at),
        "journalFrom": run.journal_from,
        "by": run.by,
        "before": [list(sign) for sign in run.before],
        "endedAt": format_time(run.ended_at) if run.ended_at else None,
        "state": run.state.value if run.state else None,
        "outcome": run.outcome.value if run.outcome else None,
        "unseen": list(run.unseen),
        "against": list(run.against),
    }


def _run_in(row: _Run) -> Run:
    return Run(
        row.begunAt,
        row.journalFrom,
        row.by,
        tuple(row.before),
        row.endedAt,
        row.state,
        row.outcome,
        tuple(row.unseen),
        tuple(row.against),
    )
