"""The store as a whole: opening it, copies of it, what of it is in memory, whose turn it is."""
