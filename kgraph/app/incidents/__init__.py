"""Incidents and their plans in the store: kept, sorted, handled by people, learned from."""
