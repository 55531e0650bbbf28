"""Recipes that train checkpoints and adaptations."""
