"""What a predicted failure shows to Prometheus, as unit tests of the shipped rules; and what not.

The series are what the exporters of `kgraph init prometheus` would tell of each entity in its
predicted state. An exporter on a host that is down tells nothing more, so no alert of its guests
can be expected: that is a finding, as is a state that no shipped rule looks at.

Source of the form: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import yaml

from kgraph.app.setup.monitoring import RULES, duration, shipped
from kgraph.schema import Entity, Relation, Severity, kind_of

LIKELY = 0.5  # a state that is at least so likely is expected
BEFORE, AFTER = 8, 24  # scrapes before and after the failure; longer than any `for` of the alerts
LOOKED = 12  # scrapes at which the alerts must fire

_ALERTS = (
    "ExporterDown",
    "GuestDown",
    "GuestPanicked",
    "GuestPaused",
    "HostDown",
    "HttpProbeFailed",
    "HypervisorDown",
    "StoragePoolFull",
)


def _becomes(value: int) -> str:
    return f"1x{BEFORE} {value}x{AFTER - 1}"


_WELL = f"1x{BEFORE + AFTER}"
_GONE = f"1x{BEFORE} stale"  # as a scrape ends a series that it does not find again
_FAILS = _becomes(0)
_SILENT = frozenset({"down", "panicked", "hung", "isolated"})  # a host whose exporters are gone
_GUEST = {"down": _GONE, "paused_io_error": _becomes(3), "panicked": _becomes(6)}
_GUEST_ALERT = {
    "down": "GuestDown",
    "paused_io_error": "GuestPaused",
    "panicked": "GuestPanicked",
}
_PORTS = (("libvirt", 9177), ("node", 9100))
_PROBED = frozenset({"Service", "Endpoint", "LoadBalancer"})

States = Mapping[str, str]  # uid -> mode
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Missing:
    """A predicted state that no shipped rule would tell of, and why."""

    entity: str
    mode: str
    why: str


@dataclass(slots=True)
class _Shown:
    series: dict[str, str] = field(default_factory=dict)  # series -> its samples
    alerts: list[tuple[str, Labels]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AlertTests:
    """A test file for `promtool test rules`, and the states that nothing would tell of."""

    document: Mapping[str, Any]
    missing: tuple[Missing, ...]

    def text(self) -> str:
        """Return the file; what is missing stands above, as comments."""
        head = ["# What a predicted failure shows to the rules of `kgraph init prometheus`."]
        head += [f"# no alert: {row.entity} {row.mode}: {row.why}" for row in self.missing]
        body = yaml.safe_dump(dict(self.document), sort_keys=False, allow_unicode=True, width=1000)
        return "\n".join(" ".join(line.split()) for line in head) + "\n" + body


def alert_tests(
    name: str,
    states: States,
    entities: Iterable[Entity],
    relations: Iterable[Relation],
    every: timedelta,
) -> AlertTests:
    """Return the tests of one predicted failure.

    Args:
        name: of the test.
        states: uid -> the mode that it is expected in, the fault itself included.
        entities: at least those, and the hosts of the guests among them.
        relations: between them.
        every: the scrape interval.
    """
    by_uid = {entity.uid: entity for entity in entities}
    hosts = _hosts(by_uid, relations)
    shown = _Shown()
    for uid in _involved(states, hosts):
        if by_uid[uid].kind == "Host":
            _host(shown, by_uid[uid], states.get(uid, ""))
    for uid, mode in states.items():
        if by_uid[uid].kind != "Host":
            host = by_uid.get(hosts.get(uid, ""))
            _thing(shown, by_uid[uid], mode, host, states)
    return AlertTests(_document(name, shown, every), tuple(shown.missing))


def _hosts(by_uid: Mapping[str, Entity], relations: Iterable[Relation]) -> dict[str, str]:
    """Return guest or pool -> a host whose exporter tells of it."""
    runs: dict[str, str] = {}
    stored: list[Relation] = []
    for relation in relations:
        below = by_uid.get(relation.dependency)
        if below is None:
            continue
        if relation.type == "RUNS_ON" and below.kind == "Host":
            runs.setdefault(relation.dependent, relation.dependency)
        elif below.kind == "StoragePool":
            stored.append(relation)
    for relation in stored:
        user = by_uid.get(relation.dependent)
        of_host = user is not None and user.kind == "Host"
        host = relation.dependent if of_host else runs.get(relation.dependent)
        if host is not None:
            runs.setdefault(relation.dependency, host)
    return runs


def _involved(states: States, hosts: Mapping[str, str]) -> list[str]:
    near = [hosts[uid] for uid in states if uid in hosts]
    return list(dict.fromkeys((*states, *near)))


def _host(shown: _Shown, host: Entity, mode: str) -> None:
    silent = mode in _SILENT
    exporters = [_target(job, f"{host.name}:{port}", host) for job, port in _PORTS]
    for labels in exporters:
        _series(shown, "up", labels, _FAILS if silent else _WELL)
    _series(shown, "libvirt_up", exporters[0], _GONE if silent else _WELL)
    probes = [
        _target("blackbox-icmp", host.name, host),
        _target("blackbox-tcp", f"{host.name}:22", host),
    ]
    for labels in probes:
        _series(shown, "probe_success", labels, _FAILS if silent else _WELL)
    if silent:
        shown.alerts += [("ExporterDown", labels) for labels in exporters]
        shown.alerts += [("HostDown", labels) for labels in probes]
    elif mode:
        shown.missing.append(Missing(host.title, mode, "no shipped rule looks at it"))


def _target(job: str, instance: str, host: Entity) -> dict[str, str]:
    return {"job": job, "instance": instance, "host": host.name}


def _thing(shown: _Shown, entity: Entity, mode: str, host: Entity | None, states: States) -> None:
    if entity.kind == "VirtualMachine":
        why = _guest(shown, entity, mode, host, states)
    elif entity.kind == "StoragePool" and mode == "full":
        why = _pool(shown, entity, host, states)
    elif entity.kind in _PROBED:
        why = _probed(shown, entity, mode)
    else:
        why = "no shipped rule looks at it"
    if why:
        shown.missing.append(Missing(entity.title, mode, why))


def _guest(shown: _Shown, guest: Entity, mode: str, host: Entity | None, states: States) -> str:
    """Add a guest's series; return why no alert can be expected of it, or nothing."""
    if host is None:
        return "no host is known whose exporter would tell of it"
    labels = {"domain": guest.name, **_target("libvirt", f"{host.name}:9177", host)}
    blind = states.get(host.uid) in _SILENT
    samples = _GONE if blind else _GUEST.get(mode, _WELL)
    _series(shown, "libvirt_domain_state_code", labels, samples)
    if blind:
        return f"the exporter on {host.name} is gone with its host"
    if mode not in _GUEST_ALERT:
        return "no shipped rule looks at it"
    shown.alerts.append((_GUEST_ALERT[mode], labels))
    return ""


def _pool(shown: _Shown, pool: Entity, host: Entity | None, states: States) -> str:
    if host is None or states.get(host.uid) in _SILENT:
        return "no host is known, and up, whose exporter would tell of it"
    labels = {"pool": pool.name, **_target("libvirt", f"{host.name}:9177", host)}
    _series(shown, "libvirt_pool_info_capacity_bytes", labels, f"1000x{BEFORE + AFTER}")
    left = f"500x{BEFORE} 5x{AFTER - 1}"
    _series(shown, "libvirt_pool_info_available_bytes", labels, left)
    shown.alerts.append(("StoragePoolFull", labels))
    return ""


def _probed(shown: _Shown, entity: Entity, mode: str) -> str:
    labels = {"job": "blackbox-http", "instance": entity.name, "service": entity.name}
    known = kind_of(entity.kind).modes.get(mode)
    stops = known is not None and known.severity is Severity.HARD
    _series(shown, "probe_success", labels, _FAILS if stops else _WELL)
    if not stops:
        return "no shipped rule looks at it"
    shown.alerts.append(("HttpProbeFailed", labels))
    return ""


def _series(shown: _Shown, metric: str, labels: Labels, samples: str) -> None:
    told = ", ".join(f"{name}={_quoted(value)}" for name, value in labels.items())
    shown.series[f"{metric}{{{told}}}"] = samples


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _document(name: str, shown: _Shown, every: timedelta) -> dict[str, Any]:
    rules = {
        rule["alert"]: rule
        for group in yaml.safe_load(shipped("rules.yml", every))["groups"]
        for rule in group["rules"]
    }
    asked: list[dict[str, Any]] = [
        {"eval_time": duration((BEFORE - 1) * every), "alertname": alert, "exp_alerts": []}
        for alert in _ALERTS
    ]
    for alert in _ALERTS:
        firing = [_fires(rules[alert], labels) for what, labels in shown.alerts if what == alert]
        asked.append(
            {"eval_time": duration(LOOKED * every), "alertname": alert, "exp_alerts": firing}
        )
    series = [{"series": one, "values": samples} for one, samples in shown.series.items()]
    return {
        "rule_files": [RULES],
        "evaluation_interval": duration(every),
        "tests": [
            {
                "name": name,
                "interval": duration(every),
                "input_series": series,
                "alert_rule_test": asked,
            }
        ],
    }


def _fires(rule: Mapping[str, Any], labels: Labels) -> dict[str, Any]:
    annotations = {name: _filled(text, labels) for name, text in rule["annotations"].items()}
    return {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": annotations}


def _filled(text: str, labels: Labels) -> str:
    for name, value in labels.items():
        text = text.replace(f"{{{{ $labels.{name} }}}}", value)
    return text


def expected(faults: Iterable[tuple[str, str]], hits: Iterable[tuple[str, str, float]]) -> States:
    """Return uid -> mode of the faults and of what they likely do.

    Args:
        faults: (uid, mode).
        hits: (uid, mode, probability) of everything that may follow.
    """
    return {uid: mode for uid, mode, chance in hits if chance >= LIKELY} | dict(faults)
