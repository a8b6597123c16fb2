"""What the tests drive: one driver for each role, and the stand-ins in this process."""
