"""Simulated lives as the person finder would see them, without rendering a picture.

    life ─▶ joints in the room ─camera─▶ joints in the picture ─errors─▶ pose pictures

A minute takes a tenth of a second, so there can be hundreds of hours. What belongs
here: joints, cameras and the finder's errors. What people do is in
``pipelines.lab.simulation``; training is in ``pipelines.lab.training``.
"""
