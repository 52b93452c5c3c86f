"""What interventions can be asked to do."""
