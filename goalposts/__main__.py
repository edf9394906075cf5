"""Entry point of `goalposts …` and `python -m goalposts …`; runs the command line in `experiments/cli/main.py`."""

import sys

from goalposts.process import notices
from goalposts.process.isolation import forget_senseless_settings, forget_working_directory
from goalposts.process.memory_limit import refuse_what_does_not_fit
from goalposts.process.patience import silence_so_far, watch_silence
from goalposts.process.stopping import SIGNALS, arrived, end_at_once, stop_on_signals
from goalposts.process.streams import make_ready, warn


def main() -> None:
    """Run the command line and exit with its code."""
    stop_on_signals()
    make_ready()
    notices.printed = lambda message: warn(f"goalposts: {message}")
    forget_working_directory()
    forget_senseless_settings()
    refuse_what_does_not_fit()
    watch_silence(silence_so_far())
    try:
        # In a checkout the folder is not where its import name suggests, which a static checker cannot see.
        from goalposts.experiments.cli.main import main as run  # pyright: ignore[reportMissingImports]

        run()
    except KeyboardInterrupt:  # where the command line could not handle it
        number = arrived()
        warn(f"goalposts: {SIGNALS[number]}")
        sys.exit(128 + number)
    finally:
        end_at_once()


if __name__ == "__main__":
    main()
