"""The pages on why hard negatives help."""

from hcl.companion.entry import BEYOND, Figure

FIGURES: tuple[Figure, ...] = (
    Figure("mechanism", "Why hard negatives help: merged classes, and how they part", BEYOND, "mechanism", part=BEYOND),
)
