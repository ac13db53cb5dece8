"""Sources: each reads one kind of system. Get (the only I/O), normalise (pure), records."""
