"""The watcher: the chain of a group of subjects in a process of its own."""
