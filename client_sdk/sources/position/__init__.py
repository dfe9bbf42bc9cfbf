"""Sources of positions."""
