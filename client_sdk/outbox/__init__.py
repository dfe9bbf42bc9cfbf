"""Samples wait here until a verified receipt names them."""
