"""Streets as blocks: from lines and ways to road segments that meet."""
