"""The account of a run as a page, as tables, and as a few lines: everything is made of the document alone."""
