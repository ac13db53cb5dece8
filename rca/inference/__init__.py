"""Which suspects together explain what was seen, and how sure that is."""
