"""Entry point of `goalposts …` and `python -m goalposts …`; runs the command line in `experiments/cli/main.py`."""

import os
import signal
import sys
from types import FrameType

from goalposts.process import notices
from goalposts.process.isolation import forget_senseless_threads, forget_working_directory
from goalposts.process.patience import watch_silence
from goalposts.process.streams import make_ready, warn

INTERRUPTED = "goalposts: interrupted"


def main() -> None:
    """Run the command line and exit with its code."""
    make_ready()
    notices.printed = lambda message: warn(f"goalposts: {message}")
    forget_working_directory()
    forget_senseless_threads()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    watch_silence()
    try:
        # In a checkout the folder is not where its import name suggests, which a static checker cannot see.
        from goalposts.experiments.cli.main import main as run  # pyright: ignore[reportMissingImports]

        run()
    except KeyboardInterrupt:  # before the command line could handle it
        warn(INTERRUPTED)
        sys.exit(130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C like Python, except during imports, where some modules (such as numpy.random) swallow the exception."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            os.write(2, f"{INTERRUPTED}\n".encode())
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
