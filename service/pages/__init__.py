"""What people read in the browser: pages with their stability on the first screen, each with a JSON twin and an export.

    router = pages_router(application)      # a FastAPI APIRouter; mount it at /

`views/` turns records into frozen view models and knows no HTTP; `templates/` renders a view model; `?export=1` renders
the same page as one self-contained file, and `.json` answers with the view model itself.
"""

from service.pages.router import pages_router

__all__ = ["pages_router"]
