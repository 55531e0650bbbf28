"""Readers of public data sets in their makers' layout.

No set is shipped; users obtain them from their makers. All readers return
``pipelines.lab.data.clips.VideoSet``, and refuse an incomplete folder with the names of
what is missing.
"""

from typing import Literal

PublicSet = Literal["ucf101", "hmdb51", "kinetics", "uestc"]

RealSet = Literal["ucf101", "hmdb51", "kinetics", "uestc", "footage"]
"""A public set, or a folder of labelled footage."""
