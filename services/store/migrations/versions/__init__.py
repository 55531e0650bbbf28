"""One file for each version of the tables. They never change once released."""
