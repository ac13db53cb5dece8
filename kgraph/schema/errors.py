"""The families of things that go wrong. Each message says what, where and how to mend it.

A fault of the program itself is none of these: it stays an ordinary exception with a traceback.
"""

from __future__ import annotations


def one_line(error: Exception) -> str:
    """Return what a library's exception says, in one line."""
    return " ".join(str(error).split())


def not_utf8(error: UnicodeDecodeError, where: object) -> tuple[str, str]:
    """Return what is wrong with the bytes of a file, and where: its name, and the line."""
    line = error.object.count(b"\n", 0, error.start) + 1
    return f"byte {error.start} is not UTF-8", f"{where}:{line}"


def as_fault(error: Exception) -> str:
    """Return how people are told of a fault of the program; the log has its traceback."""
    return f"fault of the program: {type(error).__name__}: {error}"


def _printable(text: str) -> str:
    """Return a text in which what ends lines or steers terminals is written out.

    Messages repeat what somebody sent in.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class KgraphError(Exception):
    """Anything that a person is told in one line."""


class InputError(KgraphError):
    """Input that was given to us is wrong.

    Args:
        what: the defect, with the value that has it.
        where: file, line and field, as far as they are known.
        mend: what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = what, where, mend
        told = ": ".join(part for part in (where, what) if part) + (f"; {mend}" if mend else "")
        super().__init__(_printable(told))


class ConfigurationError(InputError):
    """The configuration, a rule file or a mapping is wrong."""


class SourceError(InputError):
    """A source could not be read: unreachable, refused, or it answered nonsense."""


class PlanMovedError(InputError):
    """Somebody else has changed a plan since it was read: nothing was written."""


class StoreError(InputError):
    """The store could not do what was asked; nothing was changed."""


class NoStoreError(StoreError):
    """There is no store yet where one was to be read."""


class StoreAwayError(StoreError):
    """The server that has the store cannot be reached, or went away in the middle."""


class StoreBusyError(StoreError):
    """Somebody else is writing. Try again."""


class StoreFullError(StoreBusyError):
    """There is no room for what is to be written. Make some, and try again."""


class StaleReadingError(StoreError):
    """A newer reading of the same scope has been committed: this one is of no use any more."""


class LeaseLostError(StoreError):
    """Somebody else holds the right to act, or ours has run out: nothing may be done."""


class HaltedError(StoreError):
    """The kill switch is on: no new effect may begin."""
