"""Prompt sets: the words that a clip is compared with, and their YAML files."""
