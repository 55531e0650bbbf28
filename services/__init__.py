"""Commands, processes, network and configuration: what a person starts."""
