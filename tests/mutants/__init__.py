"""Mutants: product code changed at one point, which the tests of that code must notice.

points.py         the points of a module where a mutant may be made, read from its syntax tree
own_tests.py      the modules in scope, and the test files of each
database.py       a pytest plugin: one migrated database for all runs
__main__.py       draws mutants by a seed, runs the tests of each in a copy of the tree, counts what they noticed
equivalent.txt    mutants that change nothing anybody can see, each with the reason
"""
