"""Detection of events in label scores, one detector for each subject.

What belongs here: thresholds, episodes, the stages of a fall, and the early report of
urgent events. Alarms about events are in ``pipelines.live.alarms``; the states of beds
are in ``pipelines.live.bed``.
"""
