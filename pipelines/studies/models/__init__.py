"""Studies of the models: the papers' tables and figures, measured on clips at hand."""
