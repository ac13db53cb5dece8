"""What the page shows: an incident at one look, the board of incidents, who has logged in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from kgraph.server.forms.form import Form
from kgraph.server.forms.incidents import HandlingForm, IncidentRow, VerdictForm
from kgraph.server.forms.plans import PlanRow


class SuspectForm(Form):
    """Something that may be at fault.

    Attributes:
        state: what its likeliest mode does to it, in words.
        posterior: P(it is faulty in any mode), 0 to 1.
        chance: the same in two digits, as people read it.
        explains: symptoms.
        against: witnesses that contradict it.
        unknown: what was not looked at.
        due: when what is foreseen comes to pass, in words; empty: it is so already.
    """

    uid: str
    kind: str
    name: str
    mode: str
    state: str
    due: str
    posterior: float
    chance: str
    explains: int
    against: int
    unknown: int


class SaidForm(Form):
    """One part of the report, with how loud it is."""

    label: str
    tone: Literal["loud", "plain", "quiet", "warning"]
    lines: list[str]


class WitnessForm(Form):
    """What was seen, and how much it says of a suspect.

    Attributes:
        weight: in nats; positive speaks for the suspect.
    """

    suspect: str
    uid: str
    title: str
    said: str
    weight: float
    at: datetime | None
    by: str


class ThingForm(Form):
    """An entity by name."""

    uid: str
    title: str


class MomentForm(Form):
    """One second of an incident.

    Attributes:
        offset_seconds: since it began; negative before.
        changed: whether it tells of a change, and not of a symptom.
        deed: whether it tells of what was done to the incident.
    """

    at: datetime
    offset_seconds: float
    what: str
    changed: bool
    deed: bool


class CheckForm(Form):
    """A look that would settle much.

    Attributes:
        place: on which machine the command is typed; empty: on any.
        splits: which suspects it tells apart.
    """

    uid: str
    title: str
    place: str
    command: str
    splits: str


class HitRow(Form):
    """Who is hit, now or next."""

    uid: str
    kind: str
    name: str
    state: str
    chance: str
    hops: int


class NodeForm(Form):
    """A box of the picture.

    Attributes:
        mark: how it is drawn.
        layer: power 0, hosts 1, storage and network 2, guests 3, services 4.
        row: within its layer, from the top: what is needed is above.
    """

    uid: str
    kind: str
    name: str
    mark: Literal["cause", "hit", "way", "next", "well", "plain"]
    note: str
    layer: int
    row: int


class EdgeForm(Form):
    """A relation between two boxes: `dependent` needs `dependency`.

    Attributes:
        way: whether the trouble went along it.
    """

    dependent: str
    type: str
    dependency: str
    way: bool


class PictureForm(Form):
    """The part of the estate that an incident is about.

    Attributes:
        nodes: from the top, and in each row from the left.
        omitted: entities that belong to it and are not drawn.
    """

    nodes: list[NodeForm]
    edges: list[EdgeForm]
    omitted: int


class IncidentView(IncidentRow):
    """All that the page shows of an incident.

    Attributes:
        suspects: what is blamed, the weightiest first.
        others: what else may be at fault, the likeliest first.
        sections: of the one-screen report.
        witnesses: of those that are blamed, the weightiest first.
        hurt: the entities that show symptoms.
        handling: what was done to it, oldest first.
    """

    headline: str
    abstained_because: str
    calibrated: bool
    suspects: list[SuspectForm]
    others: list[SuspectForm]
    sections: list[SaidForm]
    witnesses: list[WitnessForm]
    hurt: list[ThingForm]
    timeline: list[MomentForm]
    checks: list[CheckForm]
    hit_now: list[HitRow]
    hit_next: list[HitRow]
    picture: PictureForm
    plans: list[PlanRow]
    verdicts: list[VerdictForm]
    handling: list[HandlingForm]
    warnings: list[str]


class BoardRow(IncidentRow):
    """An incident on the board.

    Attributes:
        cause: kind and name of what is blamed most; empty where nothing is.
        state: what its mode does to it, in words; with the time of what is foreseen.
        chance: P(it is faulty), two digits.
        because: why no cause was found.
        plan: the plan that stands for it, if there is one.
    """

    cause: str
    state: str
    chance: str
    because: str
    plan: PlanRow | None


class LogInAsked(Form):
    """A token of the API."""

    token: str = Field(min_length=1, max_length=500)


class SessionForm(Form):
    """Who has logged in, and what they may do.

    Attributes:
        pad: half of the token, for the page to keep; the other half is in the cookie. Only in
            the answer to the log-in.
    """

    name: str
    role: Literal["hook", "viewer", "responder", "operator", "admin"]
    pad: str | None = None
