"""Repeated runs: ratings in, the stability report out. Importing it stays light: numpy, scipy, pydantic."""
