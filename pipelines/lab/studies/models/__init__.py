"""Studies of the models: the papers' tables and figures, measured on given clips."""
