"""`python -m qwenpick` and the `qwenpick` script."""

from qwenpick.cli.main import main

if __name__ == "__main__":
    main()
