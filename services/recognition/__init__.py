"""Recognition as a Ray Serve deployment, and the client of that deployment."""
