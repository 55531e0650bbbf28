"""Plays footage as cameras and wearables: RTSP server, broker, IMU publisher."""
