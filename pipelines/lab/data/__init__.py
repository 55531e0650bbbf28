"""Readers of labelled recordings: footage folders and public data sets."""
