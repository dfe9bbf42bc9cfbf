"""What was measured, what operators declare, and where people live, all keyed by H3 index."""
