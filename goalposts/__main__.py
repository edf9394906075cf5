"""`goalposts …` and `python -m goalposts …`: hands over to the command line in `experiments/cli.py`."""


def main() -> None:
    """Run the command line; the exit code is its own."""
    # In a checkout the folder lies elsewhere than its name says, which a static checker cannot see.
    from goalposts.experiments.cli import main as run  # pyright: ignore[reportMissingImports]

    run()


if __name__ == "__main__":
    main()
