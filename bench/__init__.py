"""Programs that print figures: `python -m bench.NAME`, from the root of the repository.

Not `python -m bench.NAME`: that puts this folder before the standard library, where files here have names that others
import (`statistics`, `coverage`, `service`).
"""
