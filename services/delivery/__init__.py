"""Ways out: what takes messages from the outbox to whoever is told."""
