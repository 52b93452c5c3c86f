"""The services of interventions."""
