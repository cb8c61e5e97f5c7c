"""Imports: a file, its rows, what was taken, changed and refused."""
