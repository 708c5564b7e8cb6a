"""`python -m hinterland` is the same as `hinterland`."""

from hinterland.cli import main

if __name__ == "__main__":
    main()
