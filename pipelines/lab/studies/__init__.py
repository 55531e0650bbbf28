"""Measured reports with tables and plots."""
