"""Acting on an estate: what may be done, what an approval is bound to, and by which means."""
