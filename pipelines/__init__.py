"""Time, streams and data sets: from a camera or a wearable to action events.

``pipelines.live.watch`` is the whole chain; read it first. Knows no Ray, no HTTP
server and no Prometheus.
"""
