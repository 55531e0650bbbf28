"""What the hub keeps for a console beside events and alarms, and how long."""
