"""Looking for input that the readers of the collector and its clients do not survive."""
