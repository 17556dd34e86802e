"""`python -m shim` is `passerelle`."""

from shim.cli import main

if __name__ == "__main__":
    main(prog_name="passerelle")
