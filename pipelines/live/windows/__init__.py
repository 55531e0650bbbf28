"""Windows on the frame grid: frames and samples as clips, and the wait for samples.

What belongs here: which frames and samples a clip holds, when it is due, and for how
long it waits for a wearable. ``pipelines.live.due_windows`` has due clips recognised.
"""
