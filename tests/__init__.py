"""The tests: one folder per application, and kernel, stories, browser, faults, mutants."""
