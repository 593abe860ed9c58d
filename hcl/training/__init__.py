"""Training runs and keeping their records: what is trained on what, the step, and what is measured of it."""
