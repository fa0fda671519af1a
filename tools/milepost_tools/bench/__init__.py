"""Benchmarks: commands that print a table of figures and their limits. One module a family, figures.py what they share."""
