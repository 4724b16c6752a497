"""View models: pure functions from records to frozen dataclasses that a template can print as they stand."""
