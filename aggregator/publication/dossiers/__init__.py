"""Printable dossiers of a release, in French: one PDF per candidate zone, and a summary per département."""
