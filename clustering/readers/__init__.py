"""Files and uploads into documents; whatever cannot be read is named, with its reason."""
