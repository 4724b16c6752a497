"""Pure measures: arrays in, numbers out."""
