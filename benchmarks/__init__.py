"""Figures of how well and how fast things work; ``scripts/benchmark`` lists them and runs one."""
