"""The simulated ward: one motion, seen by a camera and felt by wearables."""
