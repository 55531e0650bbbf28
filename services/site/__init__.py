"""The configuration of a site: its settings and its YAML file."""
