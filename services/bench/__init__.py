"""Benchmarks: what a part costs, as ratios measured in one run."""
