"""What a rule of the domain says when it says no."""


class Refused(Exception):
    """A request that the domain refuses: `code` for machines, `message` for the person.

    The message is one sentence that says what to do. Adapters turn it into 409, 403 or 422, or
    show it on the page.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
