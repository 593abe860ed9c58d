"""What a notebook shows for the sake of its metadata alone: nothing, which the executed notebook is rid of."""

UNSEEN = "<!-- where this comes from -->"
