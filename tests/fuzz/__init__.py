"""Seeded fuzz of every external input. `python -m tests.fuzz --inputs 100000 --seed 1` prints a table."""
