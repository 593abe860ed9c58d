"""What goes wrong for a reason that a user can mend: one base, and messages of one line."""


class HclError(Exception):
    """Base of the library's own errors; the message says what was wrong, what was expected and what to do."""
