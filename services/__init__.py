"""Processes, network and configuration: what a person or an operator runs."""
