"""`python -m qwenpick` and the `qwenpick` script."""


def main() -> None:
    """Run the command line of this process; an interruption while the rest is still being imported is one too."""
    try:
        from qwenpick.cli.main import main as run

        run()
    except KeyboardInterrupt:
        _end(130)
    except SystemExit as stop:
        _end(int(stop.code or 0))


def _end(code: int) -> None:
    """End the process without freeing its objects one by one, which takes 5 to 10 ms; what is registered for the end still runs."""
    import atexit
    import os
    import sys
    from contextlib import suppress

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, a full disk, closed
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
