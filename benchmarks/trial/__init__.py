"""Tries of ``maille`` and of ``iperf3`` on one emulated link, and what they tell of each other and of the truth."""
