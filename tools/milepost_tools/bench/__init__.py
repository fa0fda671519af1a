"""Measurements of the project's promises, each printed as a row with its limit and whether it holds."""
