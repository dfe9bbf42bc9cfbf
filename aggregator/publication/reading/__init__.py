"""Releases read by programs: OGC API – Features, rows by query, and the list of releases."""
