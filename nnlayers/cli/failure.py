"""What a subcommand raises when it cannot go on and the user can help it."""


class Failure(Exception):
    """An error whose one-line text is all that the user gets; the exit status is 2."""
