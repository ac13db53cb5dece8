"""What must not be kept of a line, and what differs from line to line. Pure.

Secrets are blotted out before anything else sees a line. Then numbers, addresses and identifiers
give way to a wildcard, so that lines that say the same look the same.
"""

from __future__ import annotations

import re

WILDCARD = "<*>"
HIDDEN = "***"

_NAMED = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|api[-_ ]?key|access[-_]?key|private[-_]?key"
    r"|credentials?|cookie|session[-_]?id|authorization"
)
# `password=x`, `"token": "x"`, `client_secret: x`, `Authorization: Bearer x`.
_SECRET = re.compile(
    rf"((?:{_NAMED})[\w-]{{0,64}}[\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic|digest)\s+)?)[^\s\"',;&]+"
    r"|(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(://[^\s/:@]*:)[^\s/@]+(?=@)"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|\b(?:gh[pousr]_|glpat-|xox[abp]-|sk-)[\w-]{16,}"
    r"|\bkgraph_[0-9a-f]{12}_[0-9a-f]{16,}",
    re.IGNORECASE,
)
# Whether it is worth looking closer: most lines hold nothing of the kind.
_HINT = re.compile(
    rf"{_NAMED}|bearer|basic|://|akia|asia|eyj|gh[pousr]_|glpat-|xox[abp]-|sk-|kgraph_",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b"
    r"|\b(?=[a-f]*[0-9])[0-9a-f]{12,}\b"
    r"|[0-9]+(?:[.:,][0-9]+)*"
)


def without_secrets(text: str) -> str:
    """Return a line in which what looks like a secret is blotted out."""
    return _SECRET.sub(_blotted, text) if _HINT.search(text) else text


def without_values(text: str) -> str:
    """Return a line in which numbers, addresses and identifiers are wildcards."""
    return _VARIABLE.sub(WILDCARD, text)


def _blotted(found: re.Match[str]) -> str:
    return f"{found[1] or found[2] or found[3] or ''}{HIDDEN}"
