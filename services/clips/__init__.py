"""Blurred clips of alarms: how a picture is blurred, and a clip encrypted and read.

Watchers make them, the console shows them. The hub and the store keep them encrypted.
"""
