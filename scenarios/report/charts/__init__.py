"""Charts as Vega-Lite specifications.  The only folder that knows Altair and vl-convert.

Each function returns a specification, or None where there is nothing to draw.  What users named stands in the data
only, never in an expression or a field name.  Colours are Okabe and Ito's, safe for colour-blind readers.
"""
