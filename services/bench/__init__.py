"""Benchmarks: the cost of parts, as ratios measured in one run."""
