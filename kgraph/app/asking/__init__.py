"""Putting a question to the engine, and the documented form of its answer. Keeps nothing."""
