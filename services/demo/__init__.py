"""Playing simulated footage: an RTSP server, a broker, an IMU publisher."""
