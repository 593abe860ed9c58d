"""What columns of tables are called for people, and a sentence for those that do not explain themselves."""

_NC = "0 at Neural-Collapse"
# Name in code: words, explanation. Columns that are in words already need no entry.
_HEADINGS: dict[str, tuple[str, str]] = {
    "method": ("setting", "the loss, and how hard its negatives are"),
    "bound": ("least loss (bound)", "no representation has a lower loss: Theorem 2 (SCL, HSCL), Theorem 3 (UCL)"),
    "test_accuracy": ("test accuracy", "of the mean classifier, on test images (D38)"),
    "loss": ("loss", "the run's own, hardened where it is, in eval mode"),
    "plain_loss": ("loss without hardening", "of the same representation, in eval mode"),
    "train_loss": ("loss in training", "the run's own, with the weights and the batches of training"),
    "zero_sum": ("zero-sum", f"norm of the mean of the class means, {_NC} (D33)"),
    "unit_norm": ("unit-norm", f"how far class means are from the unit sphere, {_NC}"),
    "equal_inner_product": ("equal inner product", f"how far pairs of class means are from −1/(C − 1), {_NC} (D34)"),
    "within_class": ("within class", f"mean distance of a representation to its class mean, {_NC}"),
    "rank": ("rank", "singular values of the class means above ln = −10; C − 1 at Neural-Collapse (D40)"),
    "effective_rank": (
        "effective rank", "exponential of the entropy of the spectrum of the class means; C − 1 at Neural-Collapse"
    ),
    "clusters": ("clusters", "class means that are apart, closer than .5 being one; C at Neural-Collapse (D46)"),
    "best_epoch": ("best epoch", "that of the least own loss (D45)"),
    "rho": ("class probabilities", "of the classes, as they are or in proportion"),
    "others": ("other positives", "items of its class other than itself that an anchor finds in a batch, in the mean"),
    "beyond_seeds": ("beyond seeds", "metrics that change by more than another seed would change them"),
    "psi": ("loss function ψ", "of Definition 1"),
    "kind": ("device", "that was measured"),
    "ms": ("milliseconds", "median of the repeats"),
    "ms_min": ("least milliseconds", "of all repeats"),
    "ms_per_512": ("milliseconds for 512", "images"),
    "spread": ("spread", "interquartile range over the median"),
    "images_per_second": ("images a second", ""),
    "gain": ("gain", "how many times as fast as what it is compared with"),
    "one_after_the_other": ("images a second, one after the other", "the same work, not at once"),
    "tflop_per_second": ("TFLOP a second", "10¹² floating-point operations"),
    "gb_per_second": ("GB a second", "moved to and from memory"),
    "of_roofline": ("of the roofline", "share of what the device could do at most"),
    "loss_share": ("share of the loss", "time of the loss by itself over that of the step"),
    "augmentation_share": ("share of augmentation", "time of two augmented views against two plain ones"),
    "memory_gb": ("memory, GB", "at most"),
    "memory_mb": ("memory, MiB", "at most"),
    "by": ("whose", ""),
    "batch": ("points in a batch", ""),
    "compared_with": ("compared with", ""),
    "times_time": ("times the time", "over that of what it is compared with"),
    "times_memory": ("times the memory", "over that of what it is compared with"),
    "refused": ("refused at", "points for which it asked for more memory than it was given"),
    "resident_mb": ("resident, MB", "of the images on the device"),
    "share": ("share", "of the whole"),
    "setup_seconds": ("set-up, seconds", "compilation and capture included"),
    "wall_seconds": ("in all, seconds", ""),
    "train_seconds": ("training, seconds", ""),
    "evaluation_seconds": ("evaluation, seconds", ""),
    "evaluation_share": ("share of evaluation", ""),
    "overhead_seconds": ("overhead, seconds", "what is left"),
}  # fmt: skip
_ADDED = {
    "paper": "as published",
    "best epoch": "at the epoch of the least own loss (D45)",
    "settled": "median of the last evaluations (D45)",
}


def heading(name: str) -> tuple[str, str]:
    """Return the words for a column, and an explanation, empty where the words are enough.

    Args:
        name: such as ``"effective_rank"``, or with what is special about the column behind it,
            ``"effective_rank, paper"``.
    """
    column, _, added = name.partition(", ")
    if name not in _HEADINGS and added in _ADDED:
        words, why = _HEADINGS.get(column, (column.replace("_", " "), ""))
        return f"{words}, {added}", "; ".join(filter(None, (why, _ADDED[added])))
    return _HEADINGS.get(name, (name.replace("_", " "), ""))
