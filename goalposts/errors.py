"""Errors that a user can mend.

Every message says what was given, what is allowed and what to do next. The command line prints it without a traceback
and exits with code 2; a Python caller catches `UserError` or the narrower class that a function documents.
"""


class UserError(Exception):
    """Bad input: the message names the place, what is allowed there and the next step."""
