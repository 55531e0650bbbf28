"""Readers of data sets: footage folders with labels.csv."""
