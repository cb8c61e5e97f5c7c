"""Simulated patrols with their truth: pure, seeded, repeatable.

graph → walker → company → phone → folder: the streets that people walk on, where they truly were
at every second, who was with whom, what their phones said about it, and the files of a set whose
truth is known. Nothing here knows Django, the product's judges or the clock on the wall.
"""
