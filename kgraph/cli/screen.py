"""The one-screen answer as text: labels in a column, thoughts wrapped beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from rich.text import Text

from kgraph.cli.session import Session
from kgraph.cli.text import printable
from kgraph.incidents import Report, Section, Tone
from kgraph.incidents.wording import NO_BREAK

WIDTH = 100
_INDENT = 9
_NARROWEST = 20  # below it there is no room beside the labels
_STYLES: Mapping[Tone, str] = MappingProxyType(
    {Tone.LOUD: "bold red", Tone.PLAIN: "", Tone.QUIET: "dim", Tone.WARNING: "yellow"}
)


def show(session: Session, report: Report) -> None:
    """Print a report, in colour where somebody looks."""
    width = max(_NARROWEST, min(session.out.width, WIDTH))
    for label, text, tone in rows(report, width):
        line = Text(label.ljust(_INDENT) if label else " " * _INDENT, style="bold", end="")
        if tone is None:
            line = Text(text, style="bold")
        else:
            line.append(text, style=_STYLES[tone] or "not bold")
        session.out.print(line, soft_wrap=True)
    for warning in report.warnings:
        session.remark(f"note: {warning}", style="yellow")


def rows(report: Report, width: int) -> Iterator[tuple[str, str, Tone | None]]:
    """Yield (label, text, tone) for each line on the screen; the headline has no tone."""
    for line in textwrap.wrap(_spaced(report.headline), width, subsequent_indent=" " * _INDENT):
        yield "", line, None
    for section in report.sections:
        yield from _section(section, width)


def _section(section: Section, width: int) -> Iterator[tuple[str, str, Tone | None]]:
    label = section.label.value
    for line in section.lines:
        # Leading blanks align sub-labels; `one_line` would swallow them and the double spaces.
        text = _spaced(line)
        lead = " " * (len(text) - len(text.lstrip()))
        parts = textwrap.wrap(
            _narrowed(text.strip(), width - _INDENT - len(lead) - len("  ")),
            width - _INDENT,
            initial_indent=lead,
            subsequent_indent="  " + lead,
            break_on_hyphens=False,
            break_long_words=True,
        )
        for part in parts:
            yield label, part.replace(NO_BREAK, " "), section.tone
            label = ""


def _narrowed(text: str, room: int) -> str:
    """Let what should stay on one line be broken after a word, where no line has room for it."""
    return " ".join(
        word.replace(NO_BREAK, " ") if len(word) > room else word for word in text.split(" ")
    )


def _spaced(line: str) -> str:
    return printable(line).replace("\n", " ")
