"""The shell around the apps: first page, health, customer's page, roles, reference and demonstration data.

It has no models, imports every app and is imported by none.
"""
