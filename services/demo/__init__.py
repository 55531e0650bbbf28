"""What plays simulated footage: an RTSP server, a broker, an IMU publisher."""
