"""One module for each command of ``wardwatch``."""
