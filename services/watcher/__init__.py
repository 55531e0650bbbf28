"""The watcher: a process that runs the chain of a group of subjects."""
