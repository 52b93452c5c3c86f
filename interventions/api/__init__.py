"""The API of interventions."""
