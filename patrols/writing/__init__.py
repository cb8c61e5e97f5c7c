"""The process that writes what phones bring, and what it says to the one that takes it."""
