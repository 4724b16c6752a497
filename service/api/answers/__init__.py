"""What the API answers with, one module a resource: the shapes that clients rely on."""
