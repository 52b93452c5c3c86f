"""What appointments can be asked to do."""
