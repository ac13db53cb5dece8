"""`kgraph mcp`: what an agent may look at and propose, over pipes or over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.cli.session import session_of, usage


def mcp(
    ctx: typer.Context,
    *,
    propose: Annotated[
        bool, typer.Option("--propose", help="Let it propose plans, for people to approve.")
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Speak streamable HTTP there, at /mcp, to who has a token.",
            metavar="ADDRESS:PORT",
        ),
    ] = None,
) -> None:
    """Let an agent look at incidents, causes, entities and plans: the Model Context Protocol.

    It speaks over standard input and output, or over HTTP, and never executes anything.
    `kgraph serve` speaks it at /mcp, too.
    """
    from kgraph.schema import ConfigurationError
    from kgraph.server.agents_http import available

    if not available():
        raise ConfigurationError(
            "the library for MCP is not installed", mend="install the extra: kgraph-rca[mcp]"
        )
    from kgraph.app.stored.stores import Access, opened
    from kgraph.config import listening

    session = session_of(ctx)
    configuration = session.configuration
    if listen is not None:
        if propose:
            usage("over HTTP the token's role says who may propose: operator")
        from kgraph.server.running import serve_agents

        serve_agents(
            listening(configuration, listen), lambda where: session.remark(f"listening on {where}")
        )
        return
    from kgraph.server.agents import Permission, server
    from kgraph.server.service import Service

    with opened(configuration, Access.READ):
        pass  # told before an agent waits for an answer
    service = Service(configuration)
    service.start()
    permission = Permission.PROPOSE if propose else Permission.READ
    try:
        server(service, permission, f"an agent of {session.user}").run("stdio")
    finally:
        service.stop()
