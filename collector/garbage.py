"""How often Python looks for garbage in cycles while a collector serves."""

import gc

NEW_OBJECTS = 50_000
"""Ours: a group of envelopes holds some 20,000 objects until it is recorded, none of them in a cycle; with Python's own
700 they are looked through dozens of times, a third of the work of taking them in."""


def look_for_cycles_seldom() -> None:
    """Leave what the program itself consists of alone for good, and look through the rest when much of it is new."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
