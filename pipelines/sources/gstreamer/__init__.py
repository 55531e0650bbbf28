"""What every user of GStreamer shares: start-up, errors, probing, writing video."""
