"""The service: HTTP in front of what `kgraph.app` does. Loaded by `kgraph serve` alone."""
