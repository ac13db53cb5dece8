"""The composition root: the only place where configuration, store, sources and engine meet."""
