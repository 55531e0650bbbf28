"""The commands of ``wardwatch``: a module for each, a package for one with parts.

A module holds the command's options and what it prints: a function with the command's
name, or ``app`` where the command has commands below it. One line in
``services.command_line`` registers it. Large libraries (torch, MuJoCo, GStreamer) are
imported inside the function. What a command does is elsewhere.
"""
