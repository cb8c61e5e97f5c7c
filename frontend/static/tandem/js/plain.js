// Pages outside the frame.

