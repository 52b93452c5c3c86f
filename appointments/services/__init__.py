"""The services of appointments."""
