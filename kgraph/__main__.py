"""`python -m kgraph`: the command line, where no script was installed."""

from kgraph.cli import main

main()
