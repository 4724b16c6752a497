"""The report as a page: one self-contained HTML file, and each of its plots as PNG or SVG."""

from stability.page.charts import flips_png, flips_svg, shares_png, shares_svg
from stability.page.html import report_html

__all__ = ["flips_png", "flips_svg", "report_html", "shares_png", "shares_svg"]
