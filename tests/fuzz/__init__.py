"""Seeded fuzz of everything that comes in from outside. `python -m tests.fuzz --inputs 100000 --seed 1` prints a table."""
