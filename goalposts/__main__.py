"""`goalposts …` and `python -m goalposts …`: hands over to the command line in `experiments/cli.py`."""

import sys


def main() -> None:
    """Run the command line; the exit code is its own."""
    try:
        # In a checkout the folder lies elsewhere than its name says, which a static checker cannot see.
        from goalposts.experiments.cli import main as run  # pyright: ignore[reportMissingImports]

        run()
    except KeyboardInterrupt:  # before the command line could see to it
        print("goalposts: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
