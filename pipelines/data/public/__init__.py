"""Readers of public data sets, each as its makers lay it out.

None is shipped: who uses one gets it from its makers, under their terms. All readers
give ``pipelines.data.clips.VideoSet``, and refuse a folder that is not complete with
the names of what is missing.
"""
