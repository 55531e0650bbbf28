"""One module for each command of ``wardwatch``.

A module ``<name>.py`` holds the command's options and what it prints: a function
``<name>``, or a sub-application ``app`` where the command has commands of its own.
It is registered by one line in ``services.command_line``, and imports what is heavy
inside the function.
"""
