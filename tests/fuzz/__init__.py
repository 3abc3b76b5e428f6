"""Seeded fuzz of all that comes in from outside. `python -m tests.fuzz --inputs 100000 --seed 1` prints a table."""
