"""The API of appointments: the office sees all of them, a technician his own, without prices."""
