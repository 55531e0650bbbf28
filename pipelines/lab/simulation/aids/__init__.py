"""Walking aids and wheelchairs of the rendered ward: how they look and where they are.

They are for pictures alone. Nothing collides with them, and what they draw at random
comes from ``side_stream``, so lives, cameras and labels are the same without them.
"""
