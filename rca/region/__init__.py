"""The part of the estate that an incident is about, as arrays, and evidence on its tree."""
