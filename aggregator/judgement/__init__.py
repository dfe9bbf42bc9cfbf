"""Votes, and what they say about a coverage claim."""
