"""`python -m qwenpick` and the `qwenpick` script."""


def main() -> None:
    """Run the command line of this process; an interruption while the rest is still being imported is one too."""
    try:
        from qwenpick.cli.main import main as run

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
