"""Replaying a folder of streets, beat and fixes through the product, and what comes of it.

folder → stage → export: what the files say, the bureau that is set up from them in a database of
its own, and the tables that are written. `manage.py replay` puts them together.
"""
