"""Sources of radio readings."""
