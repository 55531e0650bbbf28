"""What starts a site on Ray, watches its processes, and ends it."""
