"""The client's half of `--server`: a command line goes out, what it writes comes back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import typer

from kgraph.cli.calls import Call, call
from kgraph.cli.remote_rules import LOCAL, REMOTE
from kgraph.cli.session import usage

if TYPE_CHECKING:
    import httpx

_ROUTE = "/api/v1/commands"
_CONNECT, _SILENT = 10.0, 60.0  # seconds; the server says something every ten


@dataclass(frozen=True, slots=True)
class Remote:
    """One command line and where it is run."""

    server: str
    token_file: Path | None
    arguments: tuple[str, ...]
    asked: Call
    flags: tuple[str, ...]
    coloured: bool

    @classmethod
    def of(cls, ctx: typer.Context, server: str) -> Self | None:
        """Return what a server is asked; None where the command works here, whatever is set."""
        given = ctx.params
        named = given["server"] is not None
        if given["config"] or given["store"]:
            if named:
                usage("--server has a configuration and a store of its own: leave yours away")
            return None  # who names a store means that one, whatever the environment says
        arguments = (*ctx._protected_args, *ctx.args)  # noqa: SLF001 - as the group's own invoke does
        asked = call(ctx, arguments)
        if asked.path not in REMOTE:
            if named:
                why = LOCAL.get(asked.path, "nobody has decided on it")
                usage(f"`{asked.path}` is not for a server: {why}")
            return None
        flags = ("--detailed-exitcode",) if given["detailed_exitcode"] else ()
        coloured = not (given["no_color"] or os.environ.get("NO_COLOR"))
        return cls(server, given["server_token_file"], arguments, asked, flags, coloured)

    def run(self) -> int:
        """Let the server run it; write what it writes; return its exit code.

        Raises:
            InputError: the server does not do it, and says why.
            StoreAwayError: it cannot be reached, or left off before the end.
        """
        import httpx

        from kgraph.schema import StoreAwayError
        from kgraph.web import by_proxy, client, said

        server = _checked(self.server)
        headers = _credentials(self.token_file)
        patience = httpx.Timeout(_SILENT, connect=_CONNECT)
        try:
            with (
                client(server, headers=headers, timeout=patience) as asking,
                asking.stream("POST", server + _ROUTE, json=self._body()) as reply,
            ):
                self._check(reply)
                for line in filter(None, reply.iter_lines()):  # an empty one is a sign of life
                    code = _written(self._part(line))
                    if code is not None:
                        return code
        except httpx.HTTPError as error:
            raise StoreAwayError(
                f"the server cannot be reached: {said(error)}{by_proxy(server)}",
                where=self.server,
                mend="does `kgraph serve` run there, and is this its address?",
            ) from None
        raise StoreAwayError("the server left off before the end", where=self.server)

    def _part(self, line: str) -> Mapping[str, Any]:
        """Return what a line of the answer says; another program may well say 200, too."""
        from kgraph.schema import InputError

        try:
            part = json.loads(line)
        except ValueError:
            part = None
        if not isinstance(part, dict):
            told = "it answers, and not as a `kgraph serve`"
            raise InputError(told, where=self.server, mend="is this its address?")
        return part

    def _body(self) -> dict[str, Any]:
        given = [str(self.asked.parameters[name] or "") for name in REMOTE[self.asked.path].files]
        names = _names(Path(value) for value in given if value not in {"", "-"})
        arguments = [_renamed(word, names) for word in self.arguments]
        looking = sys.stdout.isatty()
        return {
            "arguments": [*self.flags, *arguments],
            "files": {sent: _text(path) for path, sent in names.items()},
            "stdin": sys.stdin.read() if "-" in given else "",
            "columns": os.get_terminal_size(sys.stdout.fileno()).columns if looking else None,
            "colour": looking and self.coloured,
        }

    def _check(self, reply: httpx.Response) -> None:
        from kgraph.schema import InputError

        if reply.is_success:
            return
        reply.read()
        try:
            detail = str(reply.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"it answers {reply.status_code}; is this a `kgraph serve`?"
        unknown = reply.status_code == HTTPStatus.UNAUTHORIZED
        mend = (
            "KGRAPH_TOKEN, KGRAPH_TOKEN_FILE or --server-token-file has the token"
            if unknown
            else ""
        )
        raise InputError(detail, where=self.server, mend=mend)


def _written(part: Mapping[str, Any]) -> int | None:
    """Write a part of what a command writes; return its exit code once that comes."""
    if "exit" in part:
        return int(part["exit"])
    stream = sys.stdout if "out" in part else sys.stderr
    stream.write(part.get("out") or part.get("err", ""))
    stream.flush()
    return None


def _checked(server: str) -> str:
    """Return the address.

    Raises:
        InputError: it is none, or a token would go over a network in the clear.
    """
    from kgraph.schema import InputError
    from kgraph.schema.addresses import http_url, is_loopback

    try:
        url = http_url(server)
    except ValueError as error:
        raise InputError(str(error), where=f"--server {server!a}") from None
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InputError(
            "the token would cross the network unencrypted",
            where=f"--server {server}",
            mend="write https://, or take a tunnel to a loopback address",
        )
    return url.rstrip("/")


def _credentials(token_file: Path | None) -> Mapping[str, str]:
    from kgraph.web import Credentials

    environ = os.environ
    named = token_file or (
        Path(environ["KGRAPH_TOKEN_FILE"]) if environ.get("KGRAPH_TOKEN_FILE") else None
    )
    variable = "KGRAPH_TOKEN" if named is None and environ.get("KGRAPH_TOKEN") else ""
    return Credentials(token_env=variable, token_file=named).headers()


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """Return how each file that is there is called at the server, no two alike."""
    found: dict[Path, str] = {}
    for path in filter(Path.is_file, paths):
        sent = _name(path)
        if path not in found:
            taken = sent in found.values()
            found[path] = f"{len(found)}-{sent}" if taken else sent
    return found


def _name(path: Path) -> str:
    """Return how a file is called at the server: as here, where that is below a folder."""
    below = not path.is_absolute() and ".." not in path.parts
    return str(path) if below else path.name


def _text(path: Path) -> str:
    from kgraph.schema import InputError

    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InputError(str(why), where=str(path)) from None


def _renamed(word: str, names: Mapping[Path, str]) -> str:
    if not word.startswith("--"):
        return names.get(Path(word), word)
    option, equals, value = word.partition("=")
    return f"{option}{equals}{names.get(Path(value), value)}"
