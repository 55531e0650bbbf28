"""Public sets of falls and daily activities, worn: one trial is one activity.

What belongs here: the trial, and a reader for the published form of each set.
"""
