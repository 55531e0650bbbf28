"""The command ``wardwatch watch``: its options, its sources, and what it prints.

The chain that recognises and reports is in ``pipelines.live``.
"""
