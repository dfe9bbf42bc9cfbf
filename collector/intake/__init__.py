"""Intake: from the bytes of a request to rows and a receipt (verify, open, decode, judge, store)."""
