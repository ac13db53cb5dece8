"""Which commands a server runs for who asks it, and what role each needs.

Every command stands in one of the two tables; a test holds that. A new one is decided upon, not
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Parameters = Mapping[str, Any]
VIEWER, RESPONDER, OPERATOR, ADMIN = "viewer", "responder", "operator", "admin"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one command is run for others.

    Attributes:
        role: what its caller's token must have, by its parameters.
        files: parameters that name files; they are sent along.
        own: parameters that only who works at the server itself may give.
        writes: whether it changes something, by its parameters: the audit has it then.
    """

    role: Callable[[Parameters], str]
    files: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    writes: Callable[[Parameters], bool] = lambda _given: False


def _reads(*files: str, role: str = VIEWER) -> Rule:
    return Rule(lambda _given: role, files)


def _writes(role: str, *own: str) -> Rule:
    return Rule(lambda _given: role, own=own, writes=lambda _given: True)


def _saves(given: Parameters) -> bool:
    return bool(given["save"]) and given["bundle"] is None and given["at"] is None


def _decides(given: Parameters) -> bool:
    return given["reject"] is not None or given["cancel"] is not None


REMOTE: Mapping[str, Rule] = MappingProxyType(
    {
        # It asks the sources with the server's credentials, and may send a drill to receivers.
        "doctor": _writes(OPERATOR),
        "sync": _writes(OPERATOR),
        "investigate": Rule(
            lambda given: OPERATOR if _saves(given) else VIEWER, ("bundle",), writes=_saves
        ),
        "impact": _reads(),
        "predict": _reads(),
        "weak-points": _reads(),
        "plan": Rule(
            lambda given: OPERATOR if _decides(given) else VIEWER,
            writes=_decides,
        ),
        # Looking at what it would do asks the estate itself, with the server's credentials.
        "apply": Rule(lambda _given: OPERATOR, writes=lambda given: bool(given["execute"])),
        "halt": Rule(
            lambda given: ADMIN if given["lift"] else OPERATOR, writes=lambda _given: True
        ),
        "graph find": _reads(),
        "graph show": _reads(),
        "graph path": _reads(),
        "graph history": _reads(),
        "graph diff": _reads(),
        "graph export": _reads(),
        "graph explain-identity": _reads(),
        "graph conflicts": _reads(),
        "graph decisions": _reads(),
        "graph merge": _writes(ADMIN),
        "graph split": _writes(ADMIN),
        "graph prune": _writes(ADMIN),
        "graph retire": Rule(lambda _given: ADMIN, writes=lambda given: not given["dry_run"]),
        "cypher list": _reads(),
        "cypher show": _reads(),
        "cypher run": _reads(),
        "audit verify": _reads(role=ADMIN),
        "audit show": _reads(role=ADMIN),
        "audit requests": _reads(role=ADMIN),
        "policy rules": _reads(),
        "policy test": _reads(),
        "token list": _reads(role=ADMIN),
        "token revoke": _writes(ADMIN),
        # Where to look is the server's to say: nobody else has it ask its network's addresses.
        "detect run": _writes(OPERATOR, "url"),
        "detect list": _reads(),
        "detect report": Rule(lambda _given: VIEWER, ("bundle", "truth"), ("fit",)),
        # It looks from where the server is, at what its graph and configuration name; reads only.
        "check": Rule(lambda _given: RESPONDER, writes=lambda given: not given["dry_run"]),
        "drift": Rule(
            lambda given: OPERATOR if given["propose"] else VIEWER,
            ("file",),
            writes=lambda given: bool(given["propose"]),
        ),
        "rules show": _reads(),
        "remedies coverage": _reads(),
        "remedies show": _reads(),
        # With --live it reads the sources, with the server's credentials.
        "rules coverage": Rule(
            lambda given: OPERATOR if given["live"] else VIEWER,
            writes=lambda given: bool(given["live"]),
        ),
        "rules identifiability": _reads(),
        "incidents list": _reads(),
        "incidents show": _reads(),
        "incidents report": Rule(lambda _given: VIEWER, own=("folder",)),
        "incidents confirm": _writes(RESPONDER, "by"),
        "incidents refute": _writes(RESPONDER, "by"),
        "incidents acknowledge": _writes(RESPONDER, "by"),
        "incidents close": _writes(RESPONDER, "by"),
        "incidents merge": _writes(RESPONDER, "by"),
        "incidents split": _writes(RESPONDER, "by"),
        "learning show": _reads(),
        "learning alarms": _reads(),
        "learning export": _reads(),
        "learning reset": Rule(
            lambda given: ADMIN if given["execute"] else VIEWER,
            writes=lambda given: bool(given["execute"]),
        ),
        "replay": _reads("what", "answer"),
        "config show": _reads(role=OPERATOR),
    }
)

_HERE = "it works on this machine's files"
_LONG = "it is a process of its own"
LOCAL: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("init", "init prometheus", "init alertmanager", "demo"), _HERE),
        **dict.fromkeys(
            (
                *(
                    "ingest topology",
                    "ingest libvirt",
                    "ingest nbd",
                    "ingest nfs",
                    "ingest synthetic",
                ),
                *("ingest alertmanager", "ingest prometheus"),
            ),
            "it reads a source from here; a server reads its own with `sync`",
        ),
        **dict.fromkeys(
            ("store backup", "store restore", "store copy", "store check", "store migrate"),
            "who keeps the store works where it is",
        ),
        **dict.fromkeys(("cypher browser", "rules lint", "rules test", "config path"), _HERE),
        **dict.fromkeys(("evaluate", "backtest", "campaign"), "it computes for minutes"),
        **dict.fromkeys(("watch", "serve", "mcp"), _LONG),
        "token create": "a token is shown where it is made, and nowhere else",
    }
)
