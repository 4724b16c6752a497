"""One module a command; each holds a Typer application called `app`."""
