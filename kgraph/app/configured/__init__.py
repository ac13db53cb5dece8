"""The engine, its tools and the ways to act, as the configuration has them."""
