"""Companion to "Hard-Negative Sampling for Contrastive Learning" (Jiang, Nguyen, Aeron, Ishwar)."""

__version__ = "0.1.0"
