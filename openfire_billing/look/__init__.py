"""How a page of the back office is built, whatever the app: actions, smart buttons, notebook, live totals.

One grammar on every form: status bar and smart buttons, header fields by group, notebook, journal at the foot.
"""
