"""Class-specific noise: the method, its training, and the file of an adaptation."""
