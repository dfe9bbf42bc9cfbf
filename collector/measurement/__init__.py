"""Endpoints that a device measures against."""
