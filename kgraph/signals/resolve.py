"""Which entity does an alert speak of? Resolvers in order; the first that finds any decides.

More than one answer is ambiguous and is reported, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kgraph.signals.index import EstateIndex, without_port
from kgraph.signals.packs import Alert, Mapping

EXPLICIT = ("kgraph_entity", "kgraph_uid")
UUIDS = {
    "uuid": ("vmUuid", "smbiosUuid"),
    "vm_uuid": ("vmUuid",),
    "domain_uuid": ("vmUuid",),
    "instance_id": ("vmUuid",),
    "system_uuid": ("vmUuid", "smbiosUuid"),
}
GUESTS = ("domain", "guest", "vm", "vm_name", "name")
HOSTS = ("host", "hypervisor", "node", "instance")
TARGETS = ("instance", "node", "nodename", "host", "hostname", "target", "device")
SERVICES = ("service", "service_name", "app", "job")
ON_A_HOST = ("Host", "Probe", "Switch", "Router", "StorageArray", "VirtualMachine", "Endpoint")
SOFTWARE = ("Service", "ServiceInstance", "Application", "Database", "LoadBalancer", "Queue")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the resolvers found.

    Attributes:
        resolver: the one that decided; empty where none found anything.
        uids: one: resolved; several: ambiguous; none: not found.
        tried: what was looked up, as `label=value`, in order.
    """

    resolver: str
    uids: tuple[str, ...]
    tried: tuple[str, ...]

    @property
    def uid(self) -> str | None:
        """The one entity, or None."""
        return self.uids[0] if len(self.uids) == 1 else None


Found = tuple[str, ...]
_Resolver = Callable[["_Question"], Found]


def resolve(alert: Alert, mapping: Mapping, index: EstateIndex) -> Resolution:
    """Ask the resolvers in order."""
    question = _Question(alert, mapping, index)
    for name, resolver in RESOLVERS:
        found = tuple(dict.fromkeys(resolver(question)))
        if found:
            return Resolution(name, found, tuple(question.tried))
    return Resolution("", (), tuple(dict.fromkeys(question.tried)))


def caller_of(alert: Alert, mapping: Mapping, index: EstateIndex) -> str | None:
    """Return the uid of who made the call, where the mapping names labels for it."""
    question = _Question(alert, mapping, index)
    for _, value in question.labels(mapping.caller):
        found = index.named(value)
        if len(found) == 1:
            return found[0]
    return None


class _Question:
    def __init__(self, alert: Alert, mapping: Mapping, index: EstateIndex) -> None:
        self.alert, self.mapping, self.index = alert, mapping, index
        self.tried: list[str] = []

    def labels(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return the labels among `names` that the alert has, and note that they were tried."""
        found = [(name, self.alert.labels[name]) for name in names if self.alert.labels.get(name)]
        self.tried += [f"{name}={value}" for name, value in found]
        return found


def _explicit(question: _Question) -> Found:
    for _, value in question.labels(EXPLICIT):
        kind, slash, name = value.partition("/")
        index = question.index
        found = index.named(name, [kind]) if slash and kind.isalpha() else ()
        if found or (found := index.named(value)):
            return found
    return ()


def _uuid(question: _Question) -> Found:
    for label, value in question.labels(tuple(UUIDS)):
        for namespace in UUIDS[label]:
            if found := question.index.keyed(namespace, value):
                return found
    return ()


def _guest_on_host(question: _Question) -> Found:
    """A guest's name alone is not unique: exporters name it with the host that it runs on now."""
    kinds = question.mapping.kinds or ("VirtualMachine",)
    if kinds[0] not in {"VirtualMachine", "Volume", "StoragePool", "Network", "Nic", "Disk"}:
        return ()
    index = question.index
    for _, guest in question.labels(question.mapping.name or GUESTS):
        found = index.named(guest, kinds)
        if len(found) < 2:
            if found:
                return found
            continue
        on_host = _on_host(question, found)
        return on_host or found
    return ()


def _on_host(question: _Question, found: Found) -> Found:
    index = question.index
    for _, value in question.labels(question.mapping.host or HOSTS):
        hosts = set(index.named(without_port(value), ("Host",)))
        here = tuple(uid for uid in found if hosts & set(index.hosts.get(uid, ())))
        if here:
            return here
    return ()


def _target(question: _Question) -> Found:
    kinds = question.mapping.kinds or ON_A_HOST
    labels = question.mapping.name or TARGETS
    for _, value in question.labels(labels):
        for name in dict.fromkeys((value, without_port(value))):
            if found := question.index.named(name, kinds):
                return found
    return ()


def _service(question: _Question) -> Found:
    kinds = question.mapping.kinds or SOFTWARE
    namespace = question.alert.labels.get("namespace")
    for _, value in question.labels(question.mapping.name or SERVICES):
        for name in [f"{namespace}/{value}", value] if namespace else [value]:
            if found := question.index.named(name, kinds):
                return found
    return ()


def _text(question: _Question) -> Found:
    pattern = question.mapping.text
    if pattern is None:
        return ()
    for text in question.alert.texts:
        match = pattern.search(text)
        name = match.groupdict().get("name") if match else None
        if not name:
            continue
        question.tried.append(f"text={name}")
        found = question.index.named(name, question.mapping.kinds)
        return (_on_host(question, found) or found) if len(found) > 1 else found
    return ()


RESOLVERS: tuple[tuple[str, _Resolver], ...] = (
    ("explicit label", _explicit),
    ("UUID label", _uuid),
    ("guest and host", _guest_on_host),
    ("target address", _target),
    ("service labels", _service),
    ("pattern on text", _text),
)
