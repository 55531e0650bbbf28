"""Alarms of a site: what raises them, moves them on and answers them, and who hears."""
