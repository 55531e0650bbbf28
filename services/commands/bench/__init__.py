"""The commands ``wardwatch bench …``: costs measured on this machine.

Here are options and printing. What is measured is in ``services.bench``.
"""
