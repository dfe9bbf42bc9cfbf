"""Measures taken over the network."""
