"""A release as large as a région's, generated, for benchmarks of what reads releases."""
