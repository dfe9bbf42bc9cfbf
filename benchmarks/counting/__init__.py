"""Counting the same archive in three ways: the input, and the two ways that are not Maille's."""
