"""The entry point: commands put together, and every ending told in one line."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

import typer
from typer.main import get_command

from kgraph.cli import (
    apply,
    audit,
    backtest,
    campaign,
    check,
    config,
    cypher,
    demo,
    detect,
    doctor,
    drift,
    evaluate,
    graph,
    halt,
    identifiability,
    impact,
    incidents,
    ingest,
    initialise,
    investigate,
    learning,
    mcp,
    plan,
    policy,
    predict,
    remedies,
    replay,
    rules,
    serve,
    store,
    sync,
    token,
    watch,
    weak_points,
)
from kgraph.cli.root import Root, root
from kgraph.cli.session import Session
from kgraph.cli.text import printable
from kgraph.schema import KgraphError

INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    name="kgraph",
    cls=Root,
    help="Find out why a virtualised estate is broken.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.callback()(root)
# The order of the help: the way of a first hour.
app.add_typer(initialise.app, name="init")
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(ingest.app, name="ingest")
app.command("sync")(sync.sync)
app.add_typer(detect.app, name="detect")
app.add_typer(graph.app, name="graph")
app.add_typer(cypher.app, name="cypher")
app.add_typer(store.app, name="store")
app.command("investigate")(investigate.investigate)
app.command("check")(check.check)
app.command("drift")(drift.drift)
app.command("impact")(impact.impact)
app.command("predict")(predict.predict)
app.command("weak-points")(weak_points.weak_points)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("halt")(halt.halt)
app.add_typer(audit.app, name="audit")
app.command("watch")(watch.watch)
rules.app.command("identifiability")(identifiability.identifiability)
app.add_typer(policy.app, name="policy")
app.add_typer(remedies.app, name="remedies")
app.command("serve")(serve.serve)
app.add_typer(token.app, name="token")
app.command("mcp")(mcp.mcp)
app.add_typer(rules.app, name="rules")
app.command("evaluate")(evaluate.evaluate)
app.command("backtest")(backtest.backtest)
app.command("campaign")(campaign.campaign)
app.add_typer(incidents.app, name="incidents")
app.add_typer(learning.app, name="learning")
app.command("replay")(replay.replay)
app.add_typer(config.app, name="config")


@cache
def command() -> Any:  # noqa: ANN401 - typer's own copy of click has no public name
    """Return all commands as one, put together once: that takes longer than most of them."""
    return get_command(app)


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """Run one command line, in a session that is given or made; return the exit code."""
    try:
        command()(args=list(arguments), prog_name="kgraph", obj=session)
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
        if code == INTERRUPTED:
            _say("interrupted")
        return code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except KgraphError as error:
        if "--debug" in arguments or os.environ.get("KGRAPH_DEBUG"):
            raise
        _say(str(error))
        return 1
    return 0


def main() -> NoReturn:
    """Run the process's command line and end it."""
    _open_streams()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:
        # A reader that left is no failure; a disk that is full is.
        code = 0 if isinstance(error, BrokenPipeError) else _unwritten(error)
        # The interpreter would complain when it flushes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code)


def _open_streams() -> None:
    """Let every name be written, and no file of ours take the place of a closed stream."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        elif not stream.isatty():
            stream.reconfigure(encoding="utf-8")  # what programs read is UTF-8, as JSON has to be
        else:
            stream.reconfigure(errors="replace")


def _unwritten(error: OSError) -> int:
    """Say that what was to be shown was not; anything else that failed so is a fault of ours."""
    if error.errno != errno.ENOSPC:
        raise error
    _say(f"the output cannot be written: {error.strerror}; make room and try again")
    return 1


def _say(message: str) -> None:
    line = " ".join(printable(message).split())
    sys.stderr.write(f"kgraph: {line}\n")
