"""A slow, far and lossy link on one machine, to measure over where the truth is known."""
