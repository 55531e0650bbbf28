"""The routes of the console, a file for each subject; each says who may use it."""
