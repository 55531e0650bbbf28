"""Stories of a worn sensor: falls with impacts and strong daily motion, any device.

    activities ─▶ MotionPath (200 Hz) ─▶ Device: strap, range, rate, noise ─▶ samples

A story is composed of accelerations and attitudes of one place of the body, not of a
whole body: that makes thousands of impacts cheap. Bodies in rooms belong to
``pipelines.lab.simulation.life``.
"""
