"""An entity as a node that a person can read in Neo4j Browser, and back.

Properties keep their names, labels become `label_NAME`, keys `namespace=value`. Names that the
node needs for itself get `prop_` in front, so that nothing is ever lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from kgraph.schema import KINDS, Entity, InputError, Key
from kgraph.schema.fields import LARGEST

# Of entities of one kind that come at once. A row is a list and no map: names, and moments most of
# all, take the driver longer to send than the rest. What is null is left out by the server.
# One static statement for each kind: a label that is a parameter would be looked for in all nodes.
BEAR = {
    kind: f"""\
CREATE (entity:Entity:{kind} {{
  uid: row[0], name: row[1], _id: row[2], _folded: row[3], keys: row[4], watched: row[5],
  kind: $kind, validFrom: $at, _version: $version
}})
SET entity += row[6]"""
    for kind in KINDS
}
_OWN = frozenset({"uid", "kind", "name", "keys", "watched", "validFrom", "validTo"})
_LABEL, _PROP = "label_", "prop_"
_SITE = Key("", "").site


def node_of(entity: Entity, id_: int, since: datetime) -> dict[str, Any]:
    """Return the properties of an open entity's node.

    Raises:
        InputError: a number that no Neo4j property can hold.
    """
    node = _said_of(entity)
    node |= {
        "uid": entity.uid,
        "kind": entity.kind,
        "name": entity.name,
        "validFrom": since,
        "_id": id_,
        "_folded": entity.name.casefold(),
    }
    if entity.keys:
        node["keys"] = [_key_text(key) for key in entity.keys]
    if entity.watched:
        node["watched"] = list(entity.watched)
    return node


def row_of(entity: Entity, id_: int) -> list[Any]:
    """Return what tells an entity's node from others that are made at once; see `BEAR`.

    Raises:
        InputError: a number that no Neo4j property can hold.
    """
    return [
        entity.uid,
        entity.name,
        id_,
        entity.name.casefold(),
        [_key_text(key) for key in entity.keys] or None,
        list(entity.watched) or None,
        _said_of(entity),
    ]


def _said_of(entity: Entity) -> dict[str, Any]:
    """Return labels and properties by their names on the node."""
    node: dict[str, Any] = {f"{_LABEL}{name}": text for name, text in entity.labels.items()}
    for name, value in entity.props.items():
        if isinstance(value, int) and abs(value) > LARGEST:
            raise InputError(
                f"property {name} of {entity.title} does not fit into 64 bits: {value}",
                mend="send it as text",
            )
        node[_own_name(name)] = value
    return node


def entity_of(node: Mapping[str, Any]) -> Entity:
    """Return the entity that a node stands for."""
    labels: dict[str, str] = {}
    props: dict[str, Any] = {}
    for name, value in sorted(node.items()):  # the server has them in any order
        if name.startswith(_LABEL):
            labels[name.removeprefix(_LABEL)] = value
        elif name.startswith(_PROP):
            props[name.removeprefix(_PROP)] = value
        elif name not in _OWN and not name.startswith("_"):
            props[name] = value
    return Entity(
        node["uid"],
        node["kind"],
        node["name"],
        tuple(_key(text) for text in node.get("keys", ())),
        labels,
        props,
        tuple(node.get("watched", ())),
    )


def _own_name(name: str) -> str:
    """Return the name of a property on the node."""
    taken = name in _OWN or name.startswith((_LABEL, _PROP, "_"))
    return f"{_PROP}{name}" if taken else name


def _key_text(key: Key) -> str:
    site = "" if key.site == _SITE else f"{quote(key.site, safe='')}/"
    return f"{site}{quote(key.namespace, safe='')}={key.value}"


def _key(text: str) -> Key:
    name, _, value = text.partition("=")
    site, found, namespace = name.rpartition("/")
    return Key(unquote(namespace), value, unquote(site) if found else _SITE)
