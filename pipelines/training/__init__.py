"""Recipes that make the checkpoints."""
