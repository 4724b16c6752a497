"""Everything outward: REST, jobs, storage, web pages, command line."""
