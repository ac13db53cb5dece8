"""The routes, one topic each. They are thin: `kgraph.app` does the work."""
