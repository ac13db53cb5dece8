"""The catalogue: what ships is sound, a site's own wins, and what is wrong is told in one line."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import rca
from kgraph.schema import KINDS, ConfigurationError, Fault
from remedies import load_catalogue
from remedies.actions import ACTUATORS, OLD_HOST_OFF, PERSON
from remedies.actuators import libvirt, libvirt_moves, power, systemd
from remedies.actuators.libvirt import EFFECTS, OFF_EVERYWHERE, PRECONDITIONS, REBOOTED
from remedies.actuators.libvirt_parts import EFFECTS as OF_PARTS
from remedies.coverage import By, coverage
from remedies.lint import lint
from remedies.proof import Does
from remedies.remedy import compose
from remedies.rows import ANY

HEAD = "format: kgraph.remedies/v1\n"
NOTIFY = "actions: [{name: notify, by: notify, effect: told}]\n"


def test_every_shipped_remedy_speaks_of_a_fault_that_exists() -> None:
    for kind, mode in load_catalogue().remedies:
        assert kind == ANY or mode in KINDS[kind].modes


def test_each_fault_of_the_model_has_a_remedy_of_its_own_or_a_runbook() -> None:
    causes = [(rule.kind, rule.mode) for rule in rca.load_model([]).faults]
    assert all(row.own for row in coverage(load_catalogue(), causes))
    for row in coverage(load_catalogue()):
        assert row.remedy is not None, row
        # What is only asked of people, with nothing that kgraph could do, says where to begin.
        names = {m.action.name for rung in row.remedy.rungs for m in rung}
        vague = any(m.what.startswith("find") for rung in row.remedy.rungs for m in rung)
        assert row.remedy.runbook or not vague, (row.kind, row.mode, names)


def test_the_page_tells_how_many_faults_who_repairs() -> None:
    rows = coverage(
        load_catalogue(), sorted({(rule.kind, rule.mode) for rule in rca.load_model([]).faults})
    )
    by = Counter(row.by for row in rows)
    page = " ".join((Path(__file__).parents[2] / "docs/remedies.md").read_text("utf-8").split())
    assert f"Of the {len(rows)} faults that the rules know, {by[By.KGRAPH]} are repaired" in page
    assert f"where it has ways to act, {by[By.PERSON]} are for people" in page


def test_what_is_said_of_a_kind_goes_before_what_is_said_of_any() -> None:
    text = HEAD + (
        "actions: [{name: ask, by: person, risk: none, does: nothing}]\n"
        "remedies:\n"
        "  - {for: [Service.slow], steps: [{action: ask, why: own}]}\n"
        "  - {for: [any.slow], steps: [{action: ask, why: any}]}\n"
    )
    catalogue = compose((("f", text),))
    said = [catalogue.for_fault(kind, Fault("x", "slow")) for kind in ("Service", "Disk", "Thing")]
    assert [r.measures[0].why for r in said if r] == ["own", "any", "any"]


def test_every_shipped_remedy_says_what_it_will_not_do_and_why() -> None:
    """Whoever is tired looks for the quick way first: it is told why it is none."""
    for fault, remedy in load_catalogue().remedies.items():
        assert remedy.refused, fault
        for row in remedy.refused:
            assert re.fullmatch(r"\S.+ \(.+\)", row), row


def test_what_acts_has_an_inverse_or_is_at_least_of_medium_risk() -> None:
    for action in load_catalogue().actions.values():
        if action.by not in {PERSON, "notify", "nbd"} and not action.inverse:
            counts_only = action.risk.value == "none" and action.does is Does.NOTHING
            assert counts_only or action.risk.value in {"medium", "high"}, action.name


def test_the_actuator_knows_every_name_that_the_catalogue_may_use() -> None:
    known = ACTUATORS["libvirt"]
    assert known.preconditions == {*PRECONDITIONS, OFF_EVERYWHERE, OLD_HOST_OFF}
    assert known.effects == {*EFFECTS, REBOOTED, "runs_there", "attached", *OF_PARTS}


def test_an_actuator_is_asked_for_nothing_that_it_does_not_know() -> None:
    of_parts = {"activate", "deactivate", "rebuild", "define", "undefine", "refresh"}
    knows = {
        "libvirt": {*libvirt._CALLS, *libvirt_moves.ACTIONS, *of_parts, "reattach"},
        "systemd": set(systemd._VERBS),
        "power": set(power._VERBS),
    }
    assert {name: type_.verbs for name, type_ in ACTUATORS.items() if type_.verbs} == knows


def test_a_guest_is_resumed_more_than_once_as_a_dead_export_demands() -> None:
    terms = load_catalogue().actions["resume"].terms
    assert terms.attempts >= 2
    assert terms.steady.total_seconds() > 0


def test_an_export_is_checked_before_anything_resumes_on_it() -> None:
    for kind, mode in (("StorageExport", "down"), ("VirtualMachine", "paused_io_error")):
        remedy = load_catalogue().for_fault(kind, Fault("x", mode))
        assert remedy is not None
        names = [measure.action.name for measure in remedy.measures]
        assert names.index("check") < names.index("resume")


def test_only_a_failed_check_stops_an_export_again() -> None:
    remedy = load_catalogue().for_fault("StorageExport", Fault("x", "down"))
    assert remedy is not None
    assert [(m.action.name, m.undo_if) for m in remedy.measures if m.undo_if] == [
        ("restart", ("check",))
    ]


def test_an_isolated_host_is_never_fenced() -> None:
    remedy = load_catalogue().for_fault("Host", Fault("h", "isolated"))
    assert remedy is not None
    assert {measure.action.name for measure in remedy.measures} == {"notify"}
    assert any("fencing" in line for line in remedy.refused)


def test_what_a_site_writes_takes_the_place_of_what_ships(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        HEAD + "actions: [{name: resume, kinds: [VirtualMachine], by: libvirt, effect: running}]\n"
        'remedies: [{for: [Host.isolated], steps: [{action: ask, why: "ours"}]}]\n'
    )
    catalogue = load_catalogue([tmp_path])
    assert catalogue.actions["resume"].terms.attempts == 1
    remedy = catalogue.for_fault("Host", Fault("h", "isolated"))
    assert remedy is not None
    assert remedy.measures[0].why == "ours"
    assert str(tmp_path) in remedy.where
    # A remedy that ships uses the site's action, too.
    shipped = catalogue.for_fault("StorageExport", Fault("x", "down"))
    assert shipped is not None
    assert shipped.measures[-1].action is catalogue.actions["resume"]


def test_what_does_nothing_to_the_estate_needs_nothing_that_takes_it_back(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        HEAD + "actions: [{name: flush, kinds: [Service], by: hook, effect: applied,"
        " does: nothing, risk: low}]\n"
        'remedies: [{for: [Service.slow], steps: [{action: flush, why: "w"}]}]\n'
    )
    told = [row.what for row in lint(load_catalogue([tmp_path]))]
    assert not [what for what in told if "flush" in what]


def test_the_linter_tells_what_only_a_person_can_do() -> None:
    told = [row.what for row in lint(load_catalogue())]
    assert any("Disk.failed: replace is for a person" in row for row in told)
    assert not any("StorageExport.down" in row for row in told)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{action: stop, why: w, undoIf: [fly]}", "undoIf fly never happens"),
        ("{action: force_restart, why: w}", "nothing takes force_restart back"),
    ],
)
def test_the_linter_tells_what_cannot_be_meant(step: str, said: str) -> None:
    actions = (
        "actions: [{name: stop, by: systemd, effect: inactive, inverse: stop},"
        " {name: force_restart, by: systemd, effect: restarted}]\n"
    )
    text = f"{HEAD}{actions}remedies: [{{for: [Host.down], steps: [{step}]}}]"
    assert [row.what for row in lint(compose((("f", text),)))] == [f"Host.down: {said}"]


def test_a_missing_folder_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_catalogue([tmp_path / "none"])


STEP = "remedies: [{for: [Host.down], steps: [{action: notify, why: w}]}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format: [", "f:1"),
        ("format: kgraph.remedies/v2\nremedies: []", "format"),
        (HEAD + NOTIFY + STEP.replace("Host.down", "Hots.down"), "did you mean Host"),
        (HEAD + NOTIFY + STEP.replace("Host.down", "Host.full"), "Host has no mode 'full'"),
        (HEAD + "remedies: [{for: [Host.down], steps: []}]", "steps"),
        (HEAD + STEP, "unknown action 'notify'"),
        (HEAD + NOTIFY + STEP.replace("notify", "notfy"), "'notfy'; did you mean notify"),
        (HEAD + STEP.replace("for:", "four:"), r"four: is not known here; did you mean for\?"),
        (HEAD + STEP.replace("why", "when: x, whi"), r"whi: is not known here; did you mean wh"),
        (HEAD + "actions: [{name: a, kind: [Host]}]", r"did you mean kinds\?"),
        (HEAD + STEP.replace("[Host.down]", "Host.down"), "for: must be a list"),
        (HEAD + STEP + "\n" + STEP, "f:3: not YAML: the key 'remedies' stands twice"),
        (HEAD + NOTIFY + STEP.replace("why: w", "why: w, undoIf: [notify]"), "takes notify back"),
        (HEAD + "actions: [{name: a, by: magic}]", "no actuator 'magic'"),
        (HEAD + "actions: [{name: stop, by: systemd, effect: running}]", "effect 'running'"),
        (
            HEAD + "actions: [{name: a, by: notify, effect: told, preconditions: [sunny]}]",
            "precondition 'sunny'",
        ),
        (HEAD + "actions: [{name: a, by: notify, effect: told, inverse: b}]", "is no action"),
        (HEAD + "actions: [{name: a, by: notify, effect: told, kinds: [Vm]}]", "unknown kind"),
        (
            HEAD + "actions: [{name: notify, by: notify, effect: told, kinds: [Disk]}]\n" + STEP,
            "notify cannot be done to a Host",
        ),
        (
            HEAD + "actions: [{name: kill, by: hook, effect: applied, does: powers_off}]",
            "kill powers a host off.*witnesses.*call it fence",
        ),
        (
            HEAD
            + "actions: [{name: recreate_vm, by: hook, effect: applied, does: starts_elsewhere}]",
            "whether its old host is off.*old_host_off",
        ),
        (
            HEAD + "actions: [{name: start_elsewhere, by: libvirt, effect: runs_there}]",
            "nothing says what it does",
        ),
        (
            HEAD
            + "actions: [{name: start_elsewhere, by: libvirt, effect: runs_there, does: starts}]",
            "starts a guest elsewhere.*add `does: starts_elsewhere`",
        ),
        (
            HEAD + "actions: [{name: fence, by: power, effect: powered_off, does: nothing}]",
            "powers a host off.*add `does: powers_off`",
        ),
        (
            HEAD + "actions: [{name: stop, by: systemd, effect: inactive, deadlineSeconds: 0}]",
            "deadlineSeconds: .*greater than 0",
        ),
        (
            HEAD + "actions: [{name: flush, by: hook, effect: applied, does: stops, risk: none}]",
            "flush stops, and is said to have no risk",
        ),
        (
            HEAD
            + "actions: [{name: stop, by: systemd, effect: inactive}]\n"
            + STEP.replace("notify, why: w", "stop, why: w, risk: none"),
            "stop stops, and is said to have no risk",
        ),
        (
            HEAD + "actions: [{name: bounce, by: systemd, effect: restarted}]",
            "systemd knows no bounce.*force_restart.*by: hook",
        ),
        (
            HEAD
            + "actions: [{name: migrate, by: libvirt, effect: runs_there, does: moves_live,"
            + " inverse: migrate, parameters: {to: host}}]\n"
            + STEP.replace("notify, why: w", "migrate, why: w, undoIf: [check]"),
            "migrate goes to another host, and does not come back by itself",
        ),
        (
            HEAD
            + "actions: [{name: stop, by: systemd, effect: inactive, inverse: page},"
            + " {name: page, by: notify, effect: told}]\n"
            + STEP.replace("notify, why: w", "stop, why: w, undoIf: [page]"),
            r"f: actions\[1\] page: page takes stop back, which is done by systemd, not notify",
        ),
    ],
)
def test_a_faulty_catalogue_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        compose((("f", text),))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("f")


def test_a_sites_own_way_to_start_elsewhere_asks_whether_the_old_host_is_off() -> None:
    own = (
        "{name: elsewhere, by: hook, effect: applied, does: starts_elsewhere, preconditions: [%s]}"
    )
    catalogue = compose((("f", HEAD + f"actions: [{own % OLD_HOST_OFF}]"),))
    assert catalogue.actions["elsewhere"].preconditions == (OLD_HOST_OFF,)


def test_a_sites_catalogue_is_composed_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(HEAD + NOTIFY)
    once = load_catalogue([tmp_path])
    assert load_catalogue([tmp_path]) is once
    path.write_text(HEAD + NOTIFY + "# seen again\n")
    assert load_catalogue([tmp_path]) is not once
