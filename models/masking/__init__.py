"""Covering parts of pictures, and finding these parts by SAM or from known maps."""
