"""How the command ends: its exit statuses, and the one sentence that goes with each."""

from __future__ import annotations

DONE = 0
SOMETHING_FAILED = 1
REFUSED = 2
NO_SERVER = 3
NOT_WRITTEN = 4
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

MEANINGS = {
    DONE: "everything was done",
    SOMETHING_FAILED: "some pictures failed, a layer is illegal, or a gradient does not check",
    REFUSED: "the command, the spec or its input was refused; nothing was done",
    NO_SERVER: "no server answers, or it is no Convscope, or it wants a token",
    NOT_WRITTEN: "a result could not be written",
    INTERRUPTED: "interrupted; what was finished is whole, and --resume goes on",
}


class CommandError(Exception):
    """The command ends here.

    Args:
        message: One sentence, or a few lines, for the person.
        status: The exit status.
    """

    def __init__(self, message: str, status: int = REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
